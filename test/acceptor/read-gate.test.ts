import { test } from 'tap';
import { ReadGate, type AnswerFrame } from '../../src/acceptor/read-gate.js';

function frame(name: string, last = true): AnswerFrame {
  return { bytes: Buffer.from(name), type: 'sync_response', encoding: 'binary', last };
}

/** A gate, the reads that it has started, and a socket whose buffer holds what was sent until it is emptied. */
function fixture(): {
  gate: ReadGate;
  started: number[];
  sent: string[];
  socket: { buffered: number };
  ask: (count: number) => void;
  pump: () => void;
} {
  const gate = new ReadGate();
  const started: number[] = [];
  const sent: string[] = [];
  const socket = { buffered: 0 };
  let asked = 0;
  return {
    gate,
    started,
    sent,
    socket,
    ask: (count) => {
      for (let i = 0; i < count; i++) {
        const number = ++asked;
        gate.request(() => started.push(number));
      }
    },
    pump: () => {
      gate.pump(
        () => socket.buffered <= 10,
        ({ bytes }) => {
          sent.push(Buffer.from(bytes).toString());
          socket.buffered += bytes.length;
        },
      );
    },
  };
}

test('a gate is idle before it is asked and after its last answer went out', (t) => {
  const { gate, socket, ask, pump } = fixture();
  t.equal(gate.isIdle, true);
  ask(1);
  t.equal(gate.isIdle, false);
  socket.buffered = 11;
  gate.answer(frame('1'));
  pump();
  t.equal(gate.isIdle, false, 'the socket has no room for the answer');
  socket.buffered = 0;
  pump();
  t.equal(gate.isIdle, true);
  t.end();
});

test('a session has a few reads under way, the others wait for their turn', (t) => {
  const { gate, started, socket, ask, pump } = fixture();
  ask(20);
  t.strictSame(started, [1, 2, 3, 4, 5, 6, 7, 8]);
  t.equal(gate.waiting, 12);
  gate.answer(frame('1'));
  gate.answer(frame('2'));
  pump();
  t.strictSame(started.slice(8), [9, 10]);
  while (gate.waiting > 0) {
    gate.answer(frame('x'));
    socket.buffered = 0;
    pump();
  }
  t.strictSame(
    started,
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  t.end();
});

test('a read is over with its last frame', (t) => {
  const { gate, started, sent, ask, pump } = fixture();
  ask(9);
  gate.answer(frame('a', false));
  gate.answer(frame('b', false));
  pump();
  t.equal(started.length, 8);
  gate.answer(frame('c'));
  pump();
  t.equal(started.length, 9);
  t.strictSame(sent, ['a', 'b', 'c']);
  t.end();
});

test('FAN5 answers wait while the socket holds too much, and so do the reads behind them', (t) => {
  const { gate, started, sent, socket, ask, pump } = fixture();
  ask(10);
  for (const name of ['aaaaaa', 'bbbbbb', 'cccccc']) gate.answer(frame(name));
  pump();
  t.strictSame(sent, ['aaaaaa', 'bbbbbb'], 'the last one that is sent may go over');
  t.equal(started.length, 10);
  pump();
  t.equal(sent.length, 2);
  socket.buffered = 10;
  pump();
  t.strictSame(sent.slice(2), ['cccccc'], 'in order');
  t.end();
});

test('contract 8: a read that is answered twice, because a worker died, is over once', (t) => {
  const { gate, started, ask, pump, socket } = fixture();
  ask(1);
  gate.answer(frame('a'));
  gate.answer(frame('a'));
  pump();
  socket.buffered = 0;
  ask(20);
  t.equal(started.length, 1 + 8);
  t.end();
});
