import { expect } from 'chai';
import { allCommands } from '../../src/cli/commands.ts';
import { CONFIG_KEYS, flagOf, hasFlag, variableOf, type ConfigKey } from '../../src/config/config.ts';
import { FakeProcess, type Outcome } from './fake-process.ts';

const COMMANDS = await allCommands();

describe('mesh', () => {
  let fake: FakeProcess;
  const mesh = (...argv: string[]): Promise<Outcome> => fake.mesh(...argv);

  beforeEach(() => {
    fake = new FakeProcess();
  });

  afterEach(() => fake.remove());

  describe('misused', () => {
    const CASES: readonly (readonly [argv: string, message: string, hint: RegExp])[] = [
      ['staus', "unknown command 'staus'", /did you mean status\? `mesh --help`/],
      ['tail a1', "unknown command 'tail'", /did you mean agents tail\?/],
      ['gossip', "unknown command 'gossip'", /`mesh --help`/],
      ['registry putt k v', "unknown command 'putt'", /did you mean put\? `mesh registry --help`/],
      ['agents tial', "unknown command 'tial'", /did you mean tail\? `mesh agents --help`/],
      ['chaos kil /x', "unknown command 'kil'", /did you mean kill\? `mesh chaos --help`/],
      ['members --jsno', "unknown option '--jsno'", /did you mean --json\? `mesh members --help`/],
      ['start --gosip-port 1', "unknown option '--gosip-port'", /did you mean --gossip-port\?/],
      ['status extra', "unexpected argument 'extra'", /`mesh status --help`/],
      ['registry put k', "missing required argument 'value'", /`mesh registry put --help`/],
      ['registry put k v w', "too many arguments for 'put'. Expected 2 arguments but got 3.", /`mesh registry put --help`/],
      ['tree --depth', "option '--depth <levels>' argument missing", /`mesh tree --help`/],
      ['tree --depth -1', '--depth is "-1"', /expected a whole number from 0 to 100/],
      ['history --limit 0', '--limit is "0"', /expected a whole number from 1 to 10000/],
      ['command send a b --timeout soon', '--timeout is "soon"', /expected a whole number/],
      ['agent --interval 1', '--interval is "1"', /expected a whole number from 100/],
      ['agent --node 127.0.0.1 --label x', '--label is "x"', /expected key=value/],
      ['agent --node a:b', '"a:b" is not an address', /expected host or host:port/],
    ];
    for (const [argv, message, hint] of CASES) {
      it(`as "mesh ${argv}" exits 2 and tells what would be right`, async () => {
        const { exitCode, stdout, stderr } = await mesh(...argv.split(' '));
        expect(exitCode).to.equal(2);
        expect(stdout).to.equal('');
        expect(stderr.split('\n')[0]).to.equal(`mesh: ${message}`);
        expect(stderr).to.match(hint);
      });

      it(`as "mesh ${argv} --json" tells the same as JSON`, async () => {
        const [first = '', ...rest] = argv.split(' ');
        const { exitCode, stdout, stderr } = await mesh(first, '--json', ...rest);
        // Before an unknown first word there is no command that could know the option.
        expect(exitCode).to.equal(2);
        expect(stdout).to.equal('');
        const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
        expect(Object.keys(error)).to.deep.equal(['code', 'message', 'given', 'expected', 'todo']);
      });
    }

    for (const argv of [[], ['registry'], ['command'], ['chaos']]) {
      it(`as "${['mesh', ...argv].join(' ')}", an unfinished command, exits 2 and shows what may follow`, async () => {
        const { exitCode, stdout, stderr } = await mesh(...argv);
        expect([exitCode, stdout]).to.deep.equal([2, '']);
        expect(stderr).to.include('Usage: mesh').and.to.include('Commands:');
      });

      it(`as "${['mesh', ...argv, '--json'].join(' ')}" tells as JSON what may follow`, async () => {
        const { exitCode, stdout, stderr } = await mesh(...argv, '--json');
        expect([exitCode, stdout]).to.deep.equal([2, '']);
        const { error } = JSON.parse(stderr) as { error: Record<string, string> };
        expect(error).to.include({ code: 'BAD_ARGUMENT', message: `\`${['mesh', ...argv].join(' ')}\` is not a whole command` });
        expect(error['expected']).to.match(/^one of \w+/);
        expect(error['todo']).to.include('--help');
      });
    }
  });

  it('takes --json before the command as well', async () => {
    expect(JSON.parse((await mesh('--json', 'version')).stdout)).to.have.property('version');
  });

  describe('asked for help', () => {
    for (const { words, example } of COMMANDS) {
      it(`on ${words} shows an example that it would take`, async () => {
        const { exitCode, stdout, stderr } = await mesh(...words.split(' '), '--help');
        expect([exitCode, stderr]).to.deep.equal([0, '']);
        expect(stdout).to.include(`Usage: mesh ${words}`).and.to.include(`$ ${example}`).and.to.include('--json').and.to.include('--data-dir');
        expect(example).to.match(new RegExp(`^mesh ${words}`));
      });
    }

    it('on start shows each option with its default and its variable', async () => {
      const stdout = (await mesh('start', '--help')).stdout.replaceAll(/\s+/g, ' ');
      for (const key of (Object.keys(CONFIG_KEYS) as ConfigKey[]).filter(hasFlag)) {
        expect(stdout).to.include(flagOf(key)).and.to.include(`(default: ${CONFIG_KEYS[key].default}, env: ${variableOf(key)})`);
      }
    });

    it('shows all commands', async () => {
      const { exitCode, stdout } = await mesh('--help');
      expect(exitCode).to.equal(0);
      for (const { words } of COMMANDS) expect(stdout).to.include(words.split(' ').at(-1));
    });
  });
});
