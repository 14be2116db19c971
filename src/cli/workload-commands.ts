/** Commands about the programs beside a node that get their identity from it. */
import { absolutePath } from '../config/home-path.ts';
import type { WorkloadLine__Output } from '../transport/generated/omega/mesh/v1/WorkloadLine.ts';
import type { Call, CommandSpec } from './command.ts';
import { DONE } from './exit-code.ts';
import { formatDuration } from './format-duration.ts';
import { formatTable } from './format-table.ts';
import { printable, type Paint } from './paint.ts';
import { moment } from './views.ts';

export const WORKLOAD_COMMANDS: readonly CommandSpec[] = [
  {
    words: 'workload add',
    operands: '<identity>',
    summary: 'serve a program beside the node its identity, as the SPIFFE Workload API on a socket of its own: a name, or node/<name> or agent/<id> where the authority is kept',
    options: [
      { flags: '--socket <path>', summary: 'where the socket is to be (default: in the data directory); who may open it is that program' },
      { flags: '--group <group>', summary: 'whose members may open it too; with a --socket' },
    ],
    example: 'mesh workload add web',
    run: add,
  },
  {
    words: 'workload list',
    summary: 'list the programs that get their identity from the node, and how they are',
    example: 'mesh workload list',
    run: list,
  },
  {
    words: 'workload remove',
    operands: '<identity>',
    summary: 'serve it no more; what it has holds until it expires',
    example: 'mesh workload remove web',
    run: async ({ ask, answer, remark, operands }) => {
      const removed = workloadView(await ask((admin) => admin.removeWorkload({ identity: operands[0]! })));
      answer(removed, () => [`serves ${printable(removed.id)} no more`]);
      if (removed.notAfter !== null) remark(`its certificate holds until ${removed.notAfter}; \`mesh trust ban\` ends that at once`);
      return DONE;
    },
  },
];

async function add({ ask, answer, remark, operands, options: { socket, group }, io }: Call): Promise<number> {
  const request = {
    identity: operands[0]!,
    socket: typeof socket === 'string' ? absolutePath(socket, io.home) : '',
    group: typeof group === 'string' ? group : '',
  };
  const added = workloadView(await ask((admin) => admin.addWorkload(request)));
  answer(added, () => [`serves ${printable(added.id)} on ${added.endpoint}`]);
  remark(`start the program with SPIFFE_ENDPOINT_SOCKET=${added.endpoint}`);
  return DONE;
}

async function list({ ask, answer, remark, paint, width }: Call): Promise<number> {
  const { workloads } = await ask((admin) => admin.listWorkloads({}));
  const views = workloads.map(workloadView).sort((a, b) => (a.id < b.id ? -1 : 1));
  if (views.length === 0) remark('no program gets its identity from this node; see `mesh workload add --help`');
  const rows = views.map((view) => [printable(view.id), view.endpoint, view.group ?? '', String(view.streams), state(view, Date.now(), paint)]);
  answer(views, () => (views.length === 0 ? [] : formatTable([{ head: 'IDENTITY' }, { head: 'ENDPOINT' }, { head: 'GROUP' }, { head: 'STREAMS', align: 'right' }, { head: 'STATE' }], rows, paint, width)));
  return DONE;
}

interface WorkloadCliView {
  readonly id: string;
  /** As SPIFFE_ENDPOINT_SOCKET has it. */
  readonly endpoint: string;
  readonly group: string | null;
  readonly streams: number;
  readonly serial: string | null;
  readonly notAfter: string | null;
  readonly fault: string | null;
}

function workloadView({ id, socket, group, streams, serial, notAfterMs, fault }: WorkloadLine__Output): WorkloadCliView {
  return {
    id,
    endpoint: `unix://${socket}`,
    group: group === '' ? null : group,
    streams,
    serial: serial === '' ? null : serial,
    notAfter: notAfterMs === 0 ? null : moment(notAfterMs),
    fault: fault === '' ? null : fault,
  };
}

function state({ notAfter, fault }: WorkloadCliView, nowMs: number, paint: Paint): string {
  const leftMs = notAfter === null ? 0 : Date.parse(notAfter) - nowMs;
  const until = notAfter === null ? 'no identity yet' : leftMs > 0 ? `${formatDuration(leftMs)} left` : paint.red('expired');
  return fault === null ? until : `${notAfter === null ? '' : `${until}; `}${paint.red(printable(fault))}`;
}
