/** The fields of the playground: what the user wrote is shown until the server has the last word. */
import { FieldStore, removed } from '#web/playground/field-store';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';

function store() {
  const changed: string[] = [];
  const fields = new FieldStore({
    clientId: 'me',
    onChanged: (field) => changed.push(field),
    onWritten: () => undefined,
  });
  return { fields, changed };
}

test('the newer value counts, and what the server sent is asked for no more', (t) => {
  const { fields, changed } = store();
  fields.receive('f', 'a', { server: 10, bob: 10 });
  fields.receive('f', 'old', { server: 9 });
  t.equal(fields.get('f'), 'a');
  t.same(changed, ['f']);
  t.same(fields.vector, { server: 10, bob: 10 });
  fields.receive('f', removed, { server: 11 });
  t.same(fields.names, []);
  t.end();
});

test('a value that crosses a write waits for its ack, and for the last word of the server', async (t) => {
  const { fields } = store();
  fields.receive('f', 'a', { server: 10 });
  fields.write('f', 'mine');
  const [write] = fields.take();
  t.match(write, { field: 'f', value: 'mine', counter: 11, clientId: 'me' });
  fields.receive('f', 'theirs', { server: 20 });
  t.equal(fields.get('f'), 'mine', 'not under the hands of the user');
  fields.acknowledged();
  fields.receive('f', 'mine', { server: 21, me: 21 });
  t.equal(fields.get('f'), 'mine');
  fields.write('f', 'mine again');
  t.match(fields.take(), [{ counter: 22 }], 'above all that was seen');
  fields.receive('f', 'theirs again', { server: 30 });
  fields.acknowledged();
  while (fields.get('f') !== 'theirs again') await sleep(10);
  t.same(fields.unacknowledged, []);
});

test('what was on its way when the connection ended is sent again as it was, unless it was overwritten', (t) => {
  const { fields } = store();
  fields.write('f', 1);
  fields.write('g', 1);
  const sent = fields.take();
  fields.write('g', 2);
  fields.lost();
  const again = fields.take();
  t.same(
    again.find(({ field }) => field === 'f'),
    sent[0],
  );
  t.match(
    again.find(({ field }) => field === 'g'),
    { value: 2 },
  );
  t.equal(again.length, 2);
  t.end();
});

test('a whole state takes the place of everything but what is being written', (t) => {
  const { fields } = store();
  fields.receive('gone', 'x', { server: 10, '#': 3 });
  fields.write('new', 'mine');
  fields.receiveAll({ other: 'y' }, { server: 11, '#': 2 });
  t.same(fields.names.sort(), ['new', 'other']);
  t.equal(fields.vector?.['#'], 2, 'also where it is smaller');
  t.end();
});

test('what an earlier page has written is taken up, and what is refused is forgotten', (t) => {
  const { fields } = store();
  const write = { field: 'f', value: 'kept', counter: 50, clientId: 'before', timestamp: 1 };
  fields.restore(write);
  t.equal(fields.get('f'), 'kept');
  t.same(fields.take(), [write]);
  fields.refused();
  t.equal(fields.get('f'), undefined);
  t.equal(fields.vector, undefined, 'everything is asked for');
  t.end();
});
