/** What a thread for passwords runs: Piscina calls the default export with each piece of work. */
import { checkPassword, hashPassword, type PasswordCost } from './passwords.js';

export type PasswordWork =
  | { readonly kind: 'hash'; readonly password: string; readonly cost: PasswordCost }
  | { readonly kind: 'check'; readonly password: string; readonly stored: string };

export default function work(asked: PasswordWork): string | boolean {
  return asked.kind === 'hash' ? hashPassword(asked.password, asked.cost) : checkPassword(asked.password, asked.stored);
}
