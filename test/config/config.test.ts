import { inspect } from 'node:util';
import { expect } from 'chai';
import { CONFIG_KEYS, flagOf, hasFlag, readConfig, variableOf, type Config, type ConfigKey, type ConfigSources } from '../../src/config/config.ts';
import { MeshError } from '../../src/errors.ts';

const BARE: ConfigSources = { flags: {}, env: {}, file: undefined, hostName: 'box', home: '/home/u' };

function read(sources: Partial<ConfigSources>): Config {
  return readConfig({ ...BARE, ...sources }).config;
}

function readYaml(text: string): Config {
  return read({ file: { path: 'mesh.yaml', text } });
}

function faultOf(act: () => unknown): MeshError {
  try {
    act();
  } catch (error) {
    expect(error).to.be.instanceOf(MeshError);
    return error as MeshError;
  }
  throw new Error('nothing was refused');
}

const [KEY_16, KEY_24, KEY_32] = [16, 24, 32].map((length) => Buffer.alloc(length, length).toString('base64')) as [string, string, string];

/** For each key three values, each other than the one before: as text, as YAML, and as the configuration then holds them. */
const VALUES: Record<ConfigKey, readonly (readonly [text: string, yaml: string, held: unknown])[]> = {
  name: [['a', 'a', 'a'], ['b', 'b', 'b'], ['c', 'c', 'c']],
  bind: [['127.0.0.2', '127.0.0.2', '127.0.0.2'], ['127.0.0.3', '127.0.0.3', '127.0.0.3'], ['::1', '"::1"', '::1']],
  gossipPort: [['1', '1', 1], ['2', '2', 2], ['0', '0', 0]],
  grpcPort: [['1', '1', 1], ['2', '2', 2], ['65535', '65535', 65_535]],
  join: [
    ['h1', '[h1]', [{ host: 'h1', port: 7946 }]],
    ['h2:1,h3', '[h2:1, h3]', [{ host: 'h2', port: 1 }, { host: 'h3', port: 7946 }]],
    ['[::1]:5', '["[::1]:5"]', [{ host: '::1', port: 5 }]],
  ],
  discover: [
    ['static peers=h1,h2:1', '["static peers=h1,h2:1"]', [{ strategy: 'static', text: 'static peers=h1,h2:1', peers: [{ host: 'h1', port: 7946 }, { host: 'h2', port: 1 }] }]],
    ['file path=/a', '[file path=/a]', [{ strategy: 'file', text: 'file path=/a', path: '/a', port: 7946 }]],
    [
      'file path=/a; file port=1 path=/b',
      '[file path=/a, file port=1 path=/b]',
      [{ strategy: 'file', text: 'file path=/a', path: '/a', port: 7946 }, { strategy: 'file', text: 'file port=1 path=/b', path: '/b', port: 1 }],
    ],
  ],
  dataDir: [['/a', '/a', '/a'], ['~/b', '~/b', '/home/u/b'], ['~', '"~"', '/home/u']],
  tag: [
    ['role=web', '[role=web]', { role: 'web' }],
    ['a=b,c=d', '["a=b,c=d"]', { a: 'b,c=d' }],
    ['empty=', '[empty=]', { empty: '' }],
  ],
  profile: [['lan', 'lan', 'lan'], ['wan', 'wan', 'wan'], ['local', 'local', 'local']],
  trustSource: [['embedded', 'embedded', 'embedded'], ['fabric', 'fabric', 'fabric'], ['workload-api', 'workload-api', 'workload-api']],
  workloadSocket: [['unix:///a', 'unix:///a', '/a'], ['unix:/b', 'unix:/b', '/b'], ['/c/d.sock', '/c/d.sock', '/c/d.sock']],
  trustPort: [['1', '1', 1], ['2', '2', 2], ['0', '0', 0]],
  svidTtlMs: [['10000', '10000', 10_000], ['20000', '20000', 20_000], ['86400000', '86400000', 86_400_000]],
  pq: [['off', 'off', 'off'], ['require', 'require', 'require'], ['prefer', 'prefer', 'prefer']],
  gossipThread: [['on', 'on', 'on'], ['off', 'off', 'off'], ['on', 'on', 'on']],
  gossipKeyring: [['/a.json', '/a.json', '/a.json'], ['~/b.json', '~/b.json', '/home/u/b.json'], ['~/c', '~/c', '/home/u/c']],
  gossipKey: [[KEY_16, KEY_16, KEY_16], [KEY_24, KEY_24, KEY_24], [KEY_32, KEY_32, KEY_32]],
  gossipEncryption: [['off', 'off', 'off'], ['on', 'on', 'on'], ['off', 'off', 'off']],
  gossipKeyRotationMs: [['60000', '60000', 60_000], ['70000', '70000', 70_000], ['2592000000', '2592000000', 2_592_000_000]],
  gossipVerifyIncoming: [['off', 'off', 'off'], ['on', 'on', 'on'], ['off', 'off', 'off']],
  gossipVerifyOutgoing: [['off', 'off', 'off'], ['on', 'on', 'on'], ['off', 'off', 'off']],
  gossipLabel: [['a', 'a', 'a'], ['b', 'b', 'b'], ['blå', 'blå', 'blå']],
  gossipApplication: [['none', 'none', 'none'], ['serf', 'serf', 'serf'], ['none', 'none', 'none']],
  gossipCompression: [['off', 'off', 'off'], ['on', 'on', 'on'], ['off', 'off', 'off']],
  logLevel: [['error', 'error', 'error'], ['warn', 'warn', 'warn'], ['debug', 'debug', 'debug']],
  degradedMs: [['100', '100', 100], ['200', '200', 200], ['300', '300', 300]],
  stallLimitMs: [['1001', '1001', 1_001], ['0', '0', 0], ['5000', '5000', 5_000]],
};

const DEFAULTS: Config = {
  name: 'box',
  bind: '127.0.0.1',
  gossipPort: 7946,
  grpcPort: 7947,
  join: [],
  discover: [],
  dataDir: '/home/u/.omega-mesh/box',
  tag: {},
  profile: 'lan',
  trustSource: undefined,
  workloadSocket: undefined,
  trustPort: undefined,
  svidTtlMs: 3_600_000,
  pq: 'prefer',
  gossipThread: 'off',
  gossipKeyring: undefined,
  gossipKey: undefined,
  gossipEncryption: 'on',
  gossipKeyRotationMs: 86_400_000,
  gossipVerifyIncoming: 'on',
  gossipVerifyOutgoing: 'on',
  gossipLabel: '',
  gossipCompression: 'on',
  gossipApplication: 'serf',
  logLevel: 'info',
  degradedMs: 1_000,
  stallLimitMs: 30_000,
};

describe('a configuration', () => {
  describe('of where the identity comes from', () => {
    it('takes the socket that all programs of SPIFFE take, when a Workload API is asked for and no other socket is named', () => {
      const env = { SPIFFE_ENDPOINT_SOCKET: 'unix:///run/agent.sock' };
      expect(read({ env }).workloadSocket).to.equal(undefined);
      const asked = { ...env, MESH_TRUST_SOURCE: 'workload-api' };
      expect(read({ env: asked }).workloadSocket).to.equal('/run/agent.sock');
      expect(read({ env: { ...asked, MESH_WORKLOAD_SOCKET: '/other' } }).workloadSocket).to.equal('/other');
    });

    it('is refused where the socket is none, or belongs to another source', () => {
      for (const [env, says] of [
        [{ MESH_TRUST_SOURCE: 'workload-api', SPIFFE_ENDPOINT_SOCKET: 'tcp://10.0.0.1:8000' }, 'SPIFFE_ENDPOINT_SOCKET is "tcp://10.0.0.1:8000"'],
        [{ MESH_WORKLOAD_SOCKET: 'agent.sock' }, 'MESH_WORKLOAD_SOCKET is "agent.sock"'],
        [{ MESH_TRUST_SOURCE: 'embedded', MESH_WORKLOAD_SOCKET: '/a' }, 'trustSource is embedded, and workloadSocket is given'],
      ] as const) {
        const fault = faultOf(() => read({ env }));
        expect([fault.code, fault.message]).to.deep.equal(['BAD_CONFIG', says]);
      }
    });
  });

  describe('of a secret', () => {
    it('shows nothing of it when it is not what it should be', () => {
      for (const [source, where] of [
        [{ env: { MESH_GOSSIP_KEY: 'aHVudGVyMg==' } }, 'MESH_GOSSIP_KEY'],
        [{ file: { path: 'mesh.yaml', text: 'gossipKey: aHVudGVyMg==\n' } }, 'mesh.yaml:1: gossipKey'],
      ] as const) {
        const fault = faultOf(() => read(source));
        expect(fault.code).to.equal('BAD_CONFIG');
        expect(fault.message).to.include(where);
        expect(inspect(fault, { showHidden: true })).not.to.include('aHVudGVyMg');
      }
    });

    it('has no flag', () => {
      expect((Object.keys(VALUES) as ConfigKey[]).filter((key) => !hasFlag(key))).to.deep.equal(['gossipKey']);
    });

    it('refuses a key beside a keyring', () => {
      expect(faultOf(() => read({ env: { MESH_GOSSIP_KEY: KEY_32, MESH_GOSSIP_KEYRING: '/k' } })).message).to.include('both given');
    });
  });

  describe('takes the flag before the variable, the variable before the file, the file before the default', () => {
    for (const key of Object.keys(VALUES) as ConfigKey[]) {
      const [[flag, , flagHeld], [variable, , variableHeld], [, yaml, yamlHeld]] = VALUES[key] as [
        (typeof VALUES)['name'][number],
        (typeof VALUES)['name'][number],
        (typeof VALUES)['name'][number],
      ];
      for (let bits = 0; bits < 8; bits++) {
        const [hasFlag, hasVariable, hasFile] = [(bits & 4) !== 0, (bits & 2) !== 0, (bits & 1) !== 0];
        const given = [hasFlag && flagOf(key), hasVariable && variableOf(key), hasFile && `${key}: in the file`].filter(Boolean);
        it(`${key} given as ${given.join(' and ') || 'nothing'}`, () => {
          const config = read({
            flags: hasFlag ? { [key]: flag } : {},
            env: hasVariable ? { [variableOf(key)]: variable } : {},
            file: hasFile ? { path: 'mesh.yaml', text: `${key}: ${yaml}\n` } : undefined,
          });
          const held = hasFlag ? flagHeld : hasVariable ? variableHeld : hasFile ? yamlHeld : DEFAULTS[key];
          expect(config[key]).to.deep.equal(held);
        });
      }
    }
  });

  it('shows in its table the defaults that it takes', () => {
    for (const key of ['bind', 'gossipPort', 'grpcPort', 'profile', 'logLevel'] as const) {
      expect(CONFIG_KEYS[key].default).to.equal(String(DEFAULTS[key]));
    }
  });

  it('cannot be changed', () => {
    const config = read({ flags: { join: ['a'] } });
    expect([config, config.join, config.join[0]].every((part) => Object.isFrozen(part))).to.equal(true);
  });

  it('takes a repeated --join as one list', () => {
    expect(read({ flags: { join: ['a', 'b:1, c'] } }).join.map(({ host }) => host)).to.deep.equal(['a', 'b', 'c']);
  });

  it('takes a variable set to nothing as not set', () => {
    expect(read({ env: { MESH_NAME: '', MESH_JOIN: '' } })).to.deep.equal(DEFAULTS);
  });

  it('takes an empty file, and one of comments alone', () => {
    expect(readYaml('')).to.deep.equal(DEFAULTS);
    expect(readYaml('# nothing yet\n')).to.deep.equal(DEFAULTS);
  });

  it('makes a name of a host name that is none', () => {
    const nameOf = (hostName: string): string => read({ hostName }).name;
    expect(nameOf("Anna's Mac.local")).to.equal('Anna-s-Mac.local');
    expect(nameOf('..x')).to.equal('x');
    expect(nameOf('')).to.equal('node');
    expect(nameOf('x'.repeat(300))).to.have.length(128);
  });

  describe('is refused, with the line, what was given and what was expected, for', () => {
    const CASES: readonly (readonly [title: string, yaml: string, code: string, message: RegExp, hint?: RegExp])[] = [
      ['an unknown key', 'name: a\ngosipPort: 1', 'BAD_CONFIG', /^mesh\.yaml:2: unknown key "gosipPort"$/, /did you mean gossipPort\?/],
      ['a key in the spelling of flags', 'data-dir: /x', 'BAD_CONFIG', /unknown key "data-dir"/, /did you mean dataDir\?/],
      ['an unknown key like no other', 'colour: red', 'BAD_CONFIG', /unknown key "colour"/],
      ['a port out of range', '\ngossipPort: 70000', 'BAD_CONFIG', /^mesh\.yaml:2: gossipPort is 70000$/],
      ['a port that is text', 'grpcPort: "80"', 'BAD_CONFIG', /^mesh\.yaml:1: grpcPort is "80"$/],
      ['a port with a fraction', 'grpcPort: 1.5', 'BAD_CONFIG', /grpcPort is 1\.5/],
      ['a name that is a number', 'name: 7', 'BAD_CONFIG', /name is 7$/],
      ['a name that would leave its directory', 'name: ..', 'BAD_CONFIG', /name is "\.\."/],
      ['a key without a value', 'name:', 'BAD_CONFIG', /name is empty/],
      ['an unknown profile', 'profile: lann', 'BAD_CONFIG', /profile is "lann"/, /did you mean lan\?/],
      ['a profile with letters that changed places', 'profile: lna', 'BAD_CONFIG', /profile is "lna"/, /did you mean lan\?/],
      ['an unknown log level', 'logLevel: warning', 'BAD_CONFIG', /logLevel is "warning"/, /did you mean warn\?/],
      ['a bad address in a list', 'join:\n  - a\n  - b:x', 'BAD_ADDRESS', /^mesh\.yaml:3: join is "b:x"$/],
      ['a seed of port 0', 'join: [a:0]', 'BAD_ADDRESS', /join is "a:0"/],
      ['a list that is none', 'join: a', 'BAD_ADDRESS', /join is "a"/],
      ['a tag that says nothing', 'tag: [role]', 'BAD_CONFIG', /tag is "role"/],
      ['the tag that is the node\'s own', 'tag: [grpc=x]', 'BAD_CONFIG', /tag is "grpc=x"/],
      ['tags that do not fit into an announcement', `tag: [a=${'x'.repeat(400)}]`, 'BAD_CONFIG', /tag is \["a=x/],
      ['too many seeds', `join: [${'a,'.repeat(65)}]`, 'BAD_CONFIG', /join is \["a",.*…$/],
      ['a bind that is no IP address', 'bind: localhost', 'BAD_ADDRESS', /bind is "localhost"/],
      ['the same port twice', 'gossipPort: 7947', 'BAD_CONFIG', /gossipPort and grpcPort are both 7947/],
      ['a stall limit that is reached before anything is said', 'stallLimitMs: 1000', 'BAD_CONFIG', /stallLimitMs is 1000, and degradedMs 1000/],
      ['a stall limit that is too short', 'stallLimitMs: 20', 'BAD_CONFIG', /stallLimitMs is 20/],
      ['a key given twice', 'name: a\nname: b', 'BAD_CONFIG', /^mesh\.yaml:2: Map keys must be unique/],
      ['text that is no YAML', 'name: "a', 'BAD_CONFIG', /^mesh\.yaml:1: Missing closing/],
      ['a file that is a list', '- a', 'BAD_CONFIG', /^mesh\.yaml:1: the file is not a mapping/],
      ['an alias that loops', 'join: &x [*x]', 'BAD_CONFIG', /^mesh\.yaml:1: join cannot be read/],
      ['a file too large to be one', `# ${'x'.repeat(70_000)}`, 'BAD_CONFIG', /characters$/],
    ];
    for (const [title, yaml, code, message, hint] of CASES) {
      it(title, () => {
        const error = faultOf(() => readYaml(yaml));
        expect(error.code).to.equal(code);
        expect(error.message).to.match(message);
        expect(error.given).to.not.equal(undefined);
        expect(error.expected).to.not.equal(undefined);
        expect(error.todo ?? '').to.match(hint ?? /^$/);
      });
    }
  });

  it('names the flag or the variable that is at fault', () => {
    expect(faultOf(() => read({ flags: { gossipPort: 'x' } })).message).to.equal('--gossip-port is "x"');
    expect(faultOf(() => read({ env: { MESH_GRPC_PORT: '-1' } })).message).to.equal('MESH_GRPC_PORT is "-1"');
    expect(faultOf(() => read({ flags: { bind: 'here' } })).message).to.equal('--bind is "here"');
  });

  it('accepts every IP address', () => {
    for (const bind of ['127.0.0.1', '127.255.3.4', '::1', '0:0:0:0:0:0:0:1', '0.0.0.0', '192.0.2.1', '2001:db8::1']) expect(read({ flags: { bind } }).bind).to.equal(bind);
  });

  it('tells all faults at once', () => {
    const error = faultOf(() =>
      read({
        flags: { gossipPort: 'x', bind: 'there' },
        env: { MESH_PROFILE: 'moon' },
        file: { path: 'mesh.yaml', text: 'nmae: a\njoin: [a, b:c]\n' },
      }),
    );
    expect(error.code).to.equal('BAD_CONFIG');
    expect(error.message.split('\n')).to.have.length(6);
    for (const part of ['--gossip-port is "x"', '--bind is "there"', 'MESH_PROFILE is "moon"', 'mesh.yaml:1: unknown key "nmae"', 'mesh.yaml:2: join is "b:c"']) {
      expect(error.message).to.include(part);
    }
  });

  it('keeps the code when all faults have the same', () => {
    expect(faultOf(() => readYaml('join: [a:x, b:y]')).code).to.equal('BAD_ADDRESS');
  });

  it('does not mind a faulty value that another source outranks', () => {
    expect(read({ flags: { gossipPort: '1' }, env: { MESH_GOSSIP_PORT: 'x' } }).gossipPort).to.equal(1);
  });

  it('warns of a variable nobody knows, with the nearest one that is known', () => {
    const { warnings } = readConfig({ ...BARE, env: { MESH_GOSSIP_PRT: '1', MESH_X: '1', MESH_DEBUG: '1', OTHER: '1' } });
    expect(warnings).to.have.length(2);
    expect(warnings[0]).to.match(/MESH_GOSSIP_PRT is ignored; did you mean MESH_GOSSIP_PORT\?/);
    expect(warnings[1]).to.match(/MESH_X is ignored; known are MESH_NAME, /);
  });
});
