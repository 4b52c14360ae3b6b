/** Who may connect, in the configuration table: limits per address, and the sockets of the process. */
import { addresses, integer, oneOf, size } from '../kinds.js';
import { variable } from '../variable.js';

const whatCounts =
  'IPv6 addresses count by their /64. Addresses of this host (loopback) have no limit unless the variable is set, because a proxy on this host that is not in SYNCKIT_TRUSTED_PROXIES makes all clients have one.';

export const admission = {
  maxConnectionsPerIp: variable('SYNCKIT_MAX_CONNECTIONS_PER_IP', integer(0), {
    defaultWords: '50, and none for loopback addresses',
    meaning: `Most WebSocket connections from one address. Further ones are closed with code 1008. ${whatCounts} 0 = no limit.`,
  }),
  maxHandshakesPerSecond: variable('SYNCKIT_MAX_HANDSHAKES_PER_SECOND', integer(0), {
    defaultWords: '20, and none for loopback addresses',
    meaning: `Most new WebSocket connections per second from one address; five seconds of it may come at once. Further ones are answered with 429. ${whatCounts} 0 = no limit.`,
  }),
  maxHttpRequestsPerSecond: variable('SYNCKIT_MAX_HTTP_REQUESTS_PER_SECOND', integer(0), {
    defaultWords: '20, and none for loopback addresses',
    meaning: `The same for HTTP requests. ${whatCounts} 0 = no limit.`,
  }),
  maxUnauthenticated: variable('SYNCKIT_MAX_UNAUTHENTICATED', integer(1), {
    defaultWords: 'a tenth of WS_MAX_CONNECTIONS',
    meaning:
      'Most connections that are not authenticated. When there is one more, the one that has been so for longest is closed with code 1008, so that silent connections keep nobody out.',
  }),
  maxUnauthenticatedBytes: variable('SYNCKIT_MAX_UNAUTHENTICATED_BYTES', size(1_024), {
    default: '512MiB',
    unit: 'bytes',
    meaning:
      'Memory for unfinished messages of connections that are not authenticated, each of which may hold WS_MAX_PAYLOAD_BYTES. Half of it divided by that size is how many may be open at leisure: of more, those that take longer than two seconds to authenticate are closed without a code. As many may be ending; further ones are closed without a code too.',
  }),
  maxHttpConnections: variable('SYNCKIT_MAX_HTTP_CONNECTIONS', integer(1), {
    default: '1000',
    meaning:
      'Most connections that are not WebSockets, or not yet. Further ones are closed when they are accepted; idle ones end after ten seconds.',
  }),
  maxSocketCount: variable('SYNCKIT_MAX_SOCKETS', integer(1), {
    defaultWords:
      'WS_MAX_CONNECTIONS and SYNCKIT_MAX_HTTP_CONNECTIONS together; in any case at most 200 less than the files that the process may open',
    meaning:
      'Most sockets of clients. Further ones are closed when they are accepted, so that descriptors are left for the storage.',
  }),
  trustedProxies: variable('SYNCKIT_TRUSTED_PROXIES', addresses(), {
    default: '',
    meaning:
      'Proxies that are believed for whom they ask. From other peers the header is ignored, so that no client can choose its address.',
    example: '127.0.0.1,10.0.0.0/8',
  }),
  forwardedHeader: variable('SYNCKIT_FORWARDED_HEADER', oneOf('x-forwarded-for', 'forwarded'), {
    default: 'x-forwarded-for',
    meaning:
      'The header in which trusted proxies say for whom they ask: `X-Forwarded-For`, or `Forwarded` (RFC 7239). All its lines are read, from the last entry on, past those of trusted proxies. The other header is ignored: a client may send it.',
  }),
};
