import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { createTokenVerifier } from '../src/auth/tokens/tokens.js';
import { version } from '../src/version.js';

const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url));
const secret = 'an example secret of more than 32 characters';

/** Runs the command line in an environment that holds nothing but what is given. */
function run(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status, stdout, stderr };
}

test('--version and --help', (t) => {
  t.same(run(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' });
  const help = run(['--help']);
  t.equal(help.status, 0);
  for (const command of ['serve', 'check-config', 'token', 'migrate', 'docs']) t.match(help.stdout, `  ${command} `);
  t.match(help.stdout, /^ {2}import-reference$/m);
  t.same(run(['token', '--help']), help);
  t.end();
});

test('check-config passes a good environment and lists what to know', (t) => {
  const { status, stdout, stderr } = run(['check-config'], { DATABASE_URL: 'memory:' });
  t.equal(status, 0);
  t.match(stdout, /^The configuration is usable\.\n.*JWT_SECRET is not set.*\n.*off.*\n.*kept in memory/);
  t.equal(stderr, '');
  t.end();
});

test('check-config names every bad variable and exits with 1', (t) => {
  const { status, stdout, stderr } = run(['check-config'], { PORT: 'x', SHARDS: 'y', JWT_SECRET: 'hunter2' });
  t.equal(status, 1);
  t.equal(stdout, '');
  for (const name of ['PORT', 'SHARDS', 'JWT_SECRET']) t.match(stderr, new RegExp(`^ {2}- ${name} must be`, 'm'));
  t.notMatch(stderr, /hunter2|\n {4}at /);
  t.end();
});

test('token prints one that the server takes', (t) => {
  const args = ['token', '--user', 'ann', '--read', 'a,b', '--write', '*', '--expires', '1h'];
  const { status, stdout } = run(args, { JWT_SECRET: secret });
  t.equal(status, 0);
  t.match(createTokenVerifier({ secret }).verify(stdout.trim()), {
    ok: true,
    identity: {
      userId: 'ann',
      permissions: { canRead: ['a', 'b'], canWrite: ['*'], isAdmin: false },
      expiresAt: Number,
    },
  });
  const admin = run(['token', '--user', 'root', '--admin'], { JWT_SECRET: secret });
  t.match(createTokenVerifier({ secret }).verify(admin.stdout.trim()), {
    identity: { permissions: { isAdmin: true } },
  });
  t.end();
});

test('what is asked for wrongly is said, without a stack', (t) => {
  const wrong: [string[], NodeJS.ProcessEnv, RegExp][] = [
    [['token'], { JWT_SECRET: secret }, /needs --user/],
    [['token', '--user', 'ann'], {}, /JWT_SECRET must be set/],
    [['token', '--user', 'ann', '--expires', '60'], { JWT_SECRET: secret }, /--expires must be/],
    [['token', '--user', 'ann', '--colour', 'red'], { JWT_SECRET: secret }, /--colour/],
    [['fly'], {}, /no command "fly"/],
    [['constructor'], {}, /no command/],
    [['--fly'], {}, /--fly/],
    [['check-config', 'twice'], {}, /twice/],
    [['migrate'], { DATABASE_URL: 'memory:' }, /must name a Postgres database/],
    [['import-reference'], {}, /needs --from/],
    [['import-reference', '--from', 'https://db'], {}, /needs --from/],
  ];
  for (const [args, env, sentence] of wrong) {
    const { status, stdout, stderr } = run(args, env);
    t.equal(status, 1, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, sentence);
    t.match(stderr, /synckit-server --help/);
    t.notMatch(stderr, /\n {4}at /);
  }
  t.end();
});

test('serve stops with exit code 1 when the configuration is bad', (t) => {
  for (const args of [[], ['serve']]) {
    const { status, stderr, stdout } = run(args, { NODE_ENV: 'production' });
    t.equal(status, 1);
    t.match(stderr + stdout, /JWT_SECRET must be set/);
  }
  t.end();
});

test('the program is where package.json says', async (t) => {
  const { packageFolder } = await import('../src/version.js');
  t.equal(join(packageFolder, 'dist/src/cli.js'), cli);
});
