/** What to do with a text that is full: a state also holds where deleted pieces stood, which no merge may forget. */
export const FULL_TEXT = 'Deleting does not make it smaller: copy what it shows into a new document';
