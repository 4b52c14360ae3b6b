/** What the files for Docker, Kubernetes, Fly and Railway say agrees with the server and with each other. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { validate } from 'dockerfile-utils';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../../src/config/load.js';
import { variables } from '../../../src/config/variables/table.js';
import { packageFolder } from '../../../src/version.js';

function read(path: string): string {
  return readFileSync(join(packageFolder, path), 'utf8');
}

const names = new Set([...Object.values(variables).map(({ name }) => name), 'WEB_CONCURRENCY']);
const { drainDeadlineMs } = loadConfig({});

interface Service {
  readonly build?: string;
  readonly image?: string;
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
  readonly environment?: Record<string, string>;
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[] | object;
}

test('the Dockerfile is well-formed, runs node itself, and finds what it copies', (t) => {
  const text = read('Dockerfile');
  t.strictSame(validate(text), []);
  t.match(text, /^USER 1000:1000$/m);
  t.match(text, /^STOPSIGNAL SIGTERM$/m);
  for (const [, program = '', file = ''] of text.matchAll(/CMD \["([^"]+)", "([^"]+)"\]/g)) {
    t.equal(program, 'node', 'no shell or npm that would keep the signals for itself');
    const inPackage = (JSON.parse(read('package.json')) as { files: string[] }).files;
    t.ok(inPackage.includes(file) || file.startsWith('dist/src/'), `${file} is in the package`);
  }
  const allowed = read('.dockerignore').matchAll(/^!(.+)$/gm);
  for (const [, path = ''] of allowed) t.ok(existsSync(join(packageFolder, path)), `${path} of .dockerignore`);
  t.end();
});

test('docker-compose.yml: variables, files and times', (t) => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> };
  const nodes = Object.entries(services).filter(([, { build }]) => build !== undefined);
  t.equal(nodes.length, 2);
  for (const [name, { environment = {}, read_only, stop_grace_period = '' }] of nodes) {
    for (const variable of Object.keys(environment)) t.ok(names.has(variable), `${variable} of ${name}`);
    t.equal(environment['SYNCKIT_NODE_ID'], name, 'each has a name of its own');
    t.equal(read_only, true);
    t.ok(parseInt(stop_grace_period, 10) * 1_000 > drainDeadlineMs);
    const given = { ...environment, DATABASE_URL: 'postgres://u@h/d', CORS_ORIGINS: '' };
    const secrets = { JWT_SECRET: 's'.repeat(40), METRICS_TOKEN: 's'.repeat(40), NODE_ENV: 'production' };
    t.ok(loadConfig({ ...given, ...secrets }), 'the server takes it');
  }
  for (const { volumes = [] } of Object.values(services)) {
    const files = volumes.map((volume) => volume.split(':')[0] ?? '').filter((path) => path.startsWith('.'));
    for (const path of files) t.ok(existsSync(join(packageFolder, path)), path);
  }
  for (const proxy of ['nginx.conf', 'haproxy.cfg', 'Caddyfile']) {
    for (const [name] of nodes) t.match(read(`deploy/proxies/${proxy}`), `${name}:8080`, `${name} in ${proxy}`);
  }
  t.match(read('deploy/compose/prometheus.yml'), /job_name: synckit$/m, 'the alerts go by this name');
  t.end();
});

test('the Kubernetes manifests: variables, ports, probes and times', (t) => {
  const folder = 'deploy/kubernetes';
  const documents = readdirSync(join(packageFolder, folder)).flatMap((file) =>
    parseAllDocuments(read(`${folder}/${file}`)).map((document) => {
      t.strictSame(document.errors, [], file);
      return document.toJS() as { kind: string; metadata: { name: string } };
    }),
  );
  const kinds = ['Deployment', 'Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler', 'Ingress'];
  for (const kind of kinds)
    t.ok(
      documents.some((document) => document.kind === kind),
      kind,
    );
  const text = read(`${folder}/deployment.yaml`);
  for (const [, variable = ''] of text.matchAll(/name: ([A-Z][A-Z_]+)/g)) t.ok(names.has(variable), variable);
  for (const [, path = ''] of text.matchAll(/path: (\/\S+),/g)) t.match(path, /^\/health\/(live|ready)$/);
  const [, grace = ''] = /terminationGracePeriodSeconds: (\d+)/.exec(text) ?? [];
  const [, sleep = ''] = /command: \[sleep, '(\d+)'\]/.exec(text) ?? [];
  t.ok(Number(grace) * 1_000 > Number(sleep) * 1_000 + drainDeadlineMs);
  t.end();
});

test('fly.toml, railway.json and the Procfile', (t) => {
  const fly = read('fly.toml');
  const [, variables = ''] = /\[env\]\n([^[]*)/.exec(fly) ?? [];
  for (const [, variable = ''] of variables.matchAll(/^ {2}([A-Z_]+) =/gm)) t.ok(names.has(variable), variable);
  const [, timeout = ''] = /^kill_timeout = '(\d+)s'$/m.exec(fly) ?? [];
  t.ok(Number(timeout) * 1_000 > drainDeadlineMs);
  const railway = JSON.parse(read('railway.json')) as { deploy: { drainingSeconds: number; healthcheckPath: string } };
  t.ok(railway.deploy.drainingSeconds * 1_000 > drainDeadlineMs);
  t.equal(railway.deploy.healthcheckPath, '/health/ready');
  t.equal(read('Procfile'), 'web: node dist/src/main.js\n');
  t.end();
});

const noMake = spawnSync('make', ['--version']).error === undefined ? false : 'needs make, as the Makefile does';

test('make help lists every target, and each can be planned', { skip: noMake }, (t) => {
  const help = execFileSync('make', ['--silent', 'help'], { cwd: packageFolder, encoding: 'utf8' });
  for (const target of ['help', 'dev', 'test', 'docker-up', 'docker-down', 'deploy', 'health']) {
    t.match(help, new RegExp(`^ +${target} `, 'm'));
    execFileSync('make', ['--dry-run', target], { cwd: packageFolder, stdio: 'ignore' });
  }
  t.end();
});
