import { test } from 'tap';
import { greeting } from '../../src/start/greeting.js';

test('the addresses of the playground and the WebSocket, in one line', (t) => {
  const tls = { certFile: 'a', keyFile: 'b' };
  const of = (host: string, secure = false) => greeting({ host, tls: secure ? tls : undefined }, 8080);
  t.equal(of('127.0.0.1'), 'Playground: http://localhost:8080/playground   WebSocket: ws://localhost:8080/ws');
  t.equal(of('0.0.0.0'), of('127.0.0.1'), 'no address to connect to');
  t.match(of('192.0.2.7'), 'ws://192.0.2.7:8080/ws');
  t.match(of('::1', true), 'https://[::1]:8080/playground   WebSocket: wss://[::1]:8080/ws');
  t.end();
});
