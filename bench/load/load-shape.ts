/** The load of the scenarios `connections` and `peers`, where the command line does not say otherwise. */
export const CONNECTIONS = 10_000;
export const CLIENTS_PER_DOCUMENT = 10;
export const WRITES_PER_DOCUMENT = 2;
export const VALUE_BYTES = 64;
/** Fields that each writer writes in turn. */
export const FIELDS = 20;
