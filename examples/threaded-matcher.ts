/** An actor in a thread of its own: a pattern that never comes to an end costs one life, and the program goes on. */
import { isMainThread } from 'node:worker_threads';
import type { Behavior, Reply } from '../src/index.ts';

interface Match {
  readonly pattern: RegExp;
  readonly text: string;
  readonly reply: Reply<boolean>;
}

/** Made in the thread, with the argument of the spec: types are all it needs of the runtime, so its thread loads no more. */
export function matcher({ flags }: { flags: string }): Behavior<number, Match> {
  return {
    init: () => 0,
    receive(matched, { pattern, text, reply }) {
      reply(new RegExp(pattern, flags).test(text));
      return matched + 1;
    },
    view: (matched) => ({ matched }),
  };
}

if (isMainThread) await main();

async function main(): Promise<void> {
  const { ActorSystem, systemClock, systemRandom } = await import('../src/index.ts');
  const system = new ActorSystem({ clock: systemClock, random: systemRandom, log: { log: () => undefined } });
  await system.start(
    {
      type: 'supervisor',
      id: 'root',
      strategy: 'one_for_one',
      children: [
        { type: 'worker', id: 'matcher', isolation: 'thread', module: new URL(import.meta.url), export: 'matcher', argument: { flags: 'i' }, hangTimeoutMs: 500, startTimeoutMs: 15_000 },
      ],
    },
    (reason) => console.log('ended:', reason.kind),
  );

  const ref = system.ref<Match>('/matcher');
  const match = (pattern: RegExp, text: string): Promise<boolean> => ref.ask<boolean>((reply) => ({ pattern, text, reply }), 30_000);

  console.log('a good pattern:', await match(/^a+b$/, 'AAAB'));
  let turns = 0;
  const turning = setInterval(() => turns++, 10);
  await match(/^(a+)+$/, `${'a'.repeat(60)}!`).catch((error: Error) => console.log('an endless one:', error.message));
  clearInterval(turning);
  console.log('the main thread turned meanwhile:', turns > 10);
  console.log('the next life:', await match(/^a+b$/, 'ab'));
  console.log('why:', system.events.latest('/matcher', 10).find(({ type }) => type === 'crash')?.error?.code);
  system.stop();
}
