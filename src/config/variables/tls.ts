/** The variables about TLS in the process. */
import { text } from '../kinds.js';
import { variable } from '../variable.js';

const path = text('the path of a file', /./);

export const tls = {
  tlsCertFile: variable('TLS_CERT', path, {
    defaultWords: 'none: the server speaks HTTP and WebSocket without TLS',
    meaning:
      'The certificate of the server in PEM, followed by those that lead from it to a known authority. With it, PORT and METRICS_PORT speak TLS (1.2 and 1.3) alone. The files are read at start and when the process gets SIGHUP (not with PORT=0).',
    example: '/etc/letsencrypt/live/sync.example.com/fullchain.pem',
  }),
  tlsKeyFile: variable('TLS_KEY', path, {
    defaultWords: 'none; needed with TLS_CERT',
    meaning: 'The private key of the certificate in PEM, without a passphrase.',
    example: '/etc/letsencrypt/live/sync.example.com/privkey.pem',
  }),
};
