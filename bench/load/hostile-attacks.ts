/**
 * The attacks of the scenario `hostile`, in a process of their own: `hostile-attacks.js <attack> <port> <token>` says
 * `ready` and goes on until it is killed.
 */
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { binaryFrame } from '../../test/support/clients/client.js';

/** Time between two repetitions of an attack, in ms. */
const AGAIN_MS = 500;

/** Where an attack is made, and by whom. */
interface Target {
  readonly port: number;
  readonly token: string;
}

/** Begins an attack; what it returns is done again every half second. */
type Attack = (target: Target) => Promise<() => void>;

const nothing = (): void => undefined;

export const attacks: Readonly<Record<string, Attack>> = {
  none: () => Promise.resolve(nothing),
  '1 500 pipelined requests for /metrics': async (target) => {
    await Promise.resolve();
    return () => {
      plain(target).write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_500));
    };
  },
  '45 reads of 10 MB by 15 clients that do not read': async (target) => {
    const readers = await open(target, 15, target.token);
    return () => {
      for (const reader of readers) send(reader, 3, 'subscribe', { documentId: 'large' });
    };
  },
  '200 awareness_subscribe by 20 clients that do not read': async (target) => {
    const readers = await open(target, 20, target.token);
    return () => {
      for (const reader of readers) send(reader, 10, 'awareness_subscribe', { documentId: 'shown' });
    };
  },
  '4 MB and 20 000 acks before authentication, 20 clients': async (target) => {
    await Promise.resolve();
    return () => {
      void open(target, 20).then((strangers) => {
        for (const stranger of strangers) {
          send(stranger, 1, 'delta', { documentId: 'd', field: 'f', value: 'x'.repeat(3_000_000) });
          send(stranger, 1_000, 'ack', { messageId: 'x' });
        }
      });
    };
  },
  '300 silent connections and 300 that are no WebSockets': async (target) => {
    await open(target, 300);
    for (let i = 0; i < 300; i++) plain(target);
    return nothing;
  },
};

/** Opens clients that do not read what they are sent; those that are refused are left out. */
async function open({ port }: Target, count: number, token?: string): Promise<WebSocket[]> {
  const query = token === undefined ? '' : `?token=${token}`;
  const opened = Array.from({ length: count }, async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws${query}`);
    socket.on('error', nothing);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('open', () => resolve(true)).once('close', () => resolve(false));
    });
    if (isOpen) socket.pause();
    return isOpen ? [socket] : [];
  });
  return (await Promise.all(opened)).flat();
}

function plain({ port }: Target): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', nothing).pause();
  return socket;
}

function send(socket: WebSocket, times: number, type: Parameters<typeof binaryFrame>[0], fields: object): void {
  const frame = binaryFrame(type, { id: 'x', ...fields });
  for (let i = 0; i < times && socket.readyState === WebSocket.OPEN; i++) socket.send(frame, nothing);
}

/** This module as a program. */
export const program = fileURLToPath(import.meta.url);

if (process.argv[1] === program) {
  const [, , name = '', port, token = ''] = process.argv;
  const again = await attacks[name]?.({ port: Number(port), token });
  if (again === undefined) throw new Error(`there is no attack ${name}`);
  again();
  setInterval(again, AGAIN_MS);
  process.send?.('ready');
}
