/** Commands about agents: who is there, what they send, what they are told to do. */
import { COMMAND_TIMEOUT_MAX_MS, COMMAND_TIMEOUT_MS } from '../command-timeout.ts';
import type { CommandSpec } from './command.ts';
import { DONE, FAILED } from './exit-code.ts';
import { formatAgents, formatTelemetry } from './format-agents.ts';
import { wholeNumber } from './option-value.ts';
import { printable } from './paint.ts';
import { agentLine, telemetryLine } from './views.ts';

export const AGENT_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'agents',
    summary: 'list the agents of the mesh; `agents tail` prints what one sends',
    example: 'mesh agents',
    run: async ({ ask, answer, remark, paint }) => {
      const { agents } = await ask((admin) => admin.listAgents({}));
      const lines = agents.map(agentLine);
      if (lines.length === 0) remark('no agents are known');
      answer(lines, () => (lines.length === 0 ? [] : formatAgents(lines, paint)));
      return DONE;
    },
  },
  {
    words: 'agents tail',
    operands: '<id>',
    summary: "print an agent's telemetry as it comes, wherever the agent is connected",
    example: 'mesh agents tail a1',
    run: ({ follow, answerOne, operands, paint }) =>
      follow(
        (admin, signal) => admin.tailAgent({ id: operands[0]! }, signal),
        (event) => {
          const line = telemetryLine(event);
          answerOne(line, () => formatTelemetry(line, paint));
        },
      ),
  },
  {
    words: 'command send',
    operands: '<agent> <name> [args...]',
    summary: 'send an agent a command and print its answer',
    options: [{ flags: '--timeout <ms>', summary: `wait at most this long for the answer (default: ${COMMAND_TIMEOUT_MS})` }],
    example: 'mesh command send a1 ping',
    run: async ({ ask, answer, io, operands, options }) => {
      const [agent = '', name = '', ...args] = operands;
      const timeoutMs = options['timeout'] === undefined ? 0 : wholeNumber('--timeout', String(options['timeout']), 1, COMMAND_TIMEOUT_MAX_MS);
      const reply = await ask((admin) => admin.sendCommand({ agent, name, arguments: args, timeoutMs }));
      const output = io.isTerminal.stdout ? reply.output.split('\n').map(printable).join('\n') : reply.output;
      answer({ agent: reply.agent, node: reply.node, ok: reply.ok, output: reply.output, tookMs: Math.round(reply.tookMs) }, () =>
        output === '' ? [] : [output.replace(/\n$/, '')],
      );
      return reply.ok ? DONE : FAILED;
    },
  },
];
