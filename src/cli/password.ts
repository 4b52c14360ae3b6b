/** Asks for a password without showing it, or makes one. */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { UsageError } from './tools.js';

/** 128 random bits. */
export function newPassword(): string {
  return randomBytes(16).toString('base64url');
}

/** From the terminal, twice; or the first line of standard input, when that is a pipe or a file. */
export async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await firstLine()) ?? '';
  const password = await ask('Password: ');
  if ((await ask('Once more: ')) !== password) throw new UsageError('the two passwords differ');
  return password;
}

async function firstLine(): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    return line;
  }
  return undefined;
}

function ask(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.resume();
  let typed = '';
  return new Promise((resolve, reject) => {
    const end = (): void => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off('data', take);
      stderr.write('\n');
    };
    const take = (bytes: Buffer): void => {
      for (const character of bytes.toString('utf8')) {
        if (character === '\r' || character === '\n') {
          end();
          resolve(typed);
          return;
        }
        if (character === '\u0003') {
          end();
          reject(new UsageError('interrupted'));
          return;
        }
        typed = character === '\u007f' ? typed.slice(0, -1) : typed + character;
      }
    };
    stdin.on('data', take);
  });
}
