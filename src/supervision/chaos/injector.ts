/**
 * Puts faults into the lives of a running system, and takes them out again: when their time is over, when the life ends, or
 * when whoever asked for them is gone. What has no fault pays nothing for this: a life gets another behavior for a while.
 */
import type { Timer } from '../../clock.ts';
import type { Cell } from '../cell.ts';
import { OwnMessage } from '../own-message.ts';
import type { ActorSystem } from '../system.ts';
import { faultLine, isLasting, LEAKED_TIMERS } from './fault.ts';
import type { FaultOrder } from './fault.ts';
import { heldBack } from './held-back.ts';

/** time: as long as it was to last. life: the life ended first. taken-back: whoever asked is gone. */
export type FaultEnd = 'time' | 'life' | 'taken-back';

export interface Inflicted {
  readonly outcome: 'inflicted';
  readonly life: number;
  /** Of a flood: how many messages found room. */
  readonly messages?: number;
  /** Takes it back; without effect when it is over. */
  readonly revert: () => void;
}

/** no-life: nobody runs there. occupied: another fault goes on in this life. */
export interface NotInflicted {
  readonly outcome: 'no-life' | 'occupied';
}

/** Lives are counted from 1: what is for life 0 is looked at and skipped. */
const NO_LIFE = 0;
const MEBIBYTE = 1024 * 1024;
/** Time for an answer to leave before what was asked for takes the operator's door along. */
const STRIKE_DELAY_MS = 20;

class InjectedCrash extends Error {
  override readonly name = 'InjectedCrash';
}

export class FaultInjector {
  readonly #system: ActorSystem;
  /** Lives in which a fault goes on, by path. */
  readonly #active = new Map<string, number>();

  constructor(system: ActorSystem) {
    this.#system = system;
  }

  /** @param over hears once how a fault that lasts came to its end */
  inflict(path: string, order: FaultOrder, by: string, over: (why: FaultEnd) => void = () => undefined): Inflicted | NotInflicted {
    const cell = this.#system.find(path)?.present;
    if (cell === undefined) return { outcome: 'no-life' };
    const { life } = cell;
    const done: Inflicted = { outcome: 'inflicted', life, revert: () => undefined };
    switch (order.fault) {
      case 'kill':
        this.#system.kill(path, by);
        return done;
      case 'crash':
        this.#system.inject(path, new InjectedCrash(`a crash that ${by} asked for`), by);
        return done;
      case 'flood':
        this.#system.admin(path, `${faultLine(order)} asked by ${by}`);
        return { ...done, messages: this.#flood(path, order.messages) };
      case 'hang':
      case 'slow':
      case 'leak':
        if (cell.behavior === undefined) return { outcome: 'no-life' };
        if (this.#active.get(path) === life) return { outcome: 'occupied' };
        this.#system.admin(path, `${faultLine(order)} asked by ${by}`);
        return { ...done, revert: this.#begin(path, cell, order, over) };
    }
  }

  /** As `inflict`, a moment later: for what may take the asker's own connection along. @returns the life that will be hit */
  inflictSoon(path: string, order: FaultOrder, by: string): { readonly outcome: 'inflicted'; readonly life: number } | NotInflicted {
    const life = this.#system.livingLife(path);
    if (life === undefined || isLasting(order.fault)) return { outcome: 'no-life' };
    this.#system.clock.setTimer(STRIKE_DELAY_MS, () => {
      if (this.#system.livingLife(path) === life) this.inflict(path, order, by);
    });
    return { outcome: 'inflicted', life };
  }

  #begin(path: string, cell: Cell, order: FaultOrder, over: (why: FaultEnd) => void): () => void {
    const undo = this.#burden(cell, order);
    const { life } = cell;
    let isOver = false;
    const end = (why: FaultEnd): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      if (this.#active.get(path) === life) this.#active.delete(path);
      undo(why !== 'life');
      over(why);
    };
    const timer = this.#system.clock.setTimer(order.forMs, () => end('time'));
    this.#active.set(path, life);
    cell.context.own(() => end('life'));
    return () => end('taken-back');
  }

  /** @returns what lifts it; told whether the life goes on */
  #burden(cell: Cell, order: FaultOrder): (goesOn: boolean) => void {
    if (order.fault === 'leak') return this.#leak(order);
    if (order.fault === 'slow') return this.#slow(cell, order.delayMs);
    // However many handlers come to a hang, all wait for the same end.
    let letGo = (_goesOn: boolean): void => undefined;
    const end = new Promise<boolean>((resolve) => (letGo = resolve));
    return this.#holdBack(cell, () => end, (goesOn) => letGo(goesOn));
  }

  #slow(cell: Cell, delayMs: number): (goesOn: boolean) => void {
    let now: ((goesOn: boolean) => void) | undefined;
    const wait = (): Promise<boolean> =>
      new Promise((resolve) => {
        const timer: Timer = this.#system.clock.setTimer(delayMs, () => now?.(true));
        now = (goesOn) => {
          now = undefined;
          timer.cancel();
          resolve(goesOn);
        };
      });
    return this.#holdBack(cell, wait, (goesOn) => now?.(goesOn));
  }

  #holdBack(cell: Cell, wait: () => Promise<boolean>, letGo: (goesOn: boolean) => void): (goesOn: boolean) => void {
    const own = cell.behavior!;
    cell.behavior = heldBack(own, wait);
    return (goesOn) => {
      cell.behavior = own;
      letGo(goesOn);
    };
  }

  #leak({ mebibytes, forMs }: FaultOrder): () => void {
    // Filled, for memory that nobody wrote to is none.
    const held = Array.from({ length: mebibytes }, () => Buffer.alloc(MEBIBYTE, 1));
    const timers = Array.from({ length: LEAKED_TIMERS }, () => this.#system.clock.setTimer(forMs, () => undefined));
    return () => {
      held.length = 0;
      for (const timer of timers) timer.cancel();
    };
  }

  #flood(path: string, messages: number): number {
    const actor = this.#system.find(path)!;
    const { max, depth } = actor.mailbox;
    const room = Math.max(0, Math.min(messages, max - depth));
    // Past the door of the mailbox, whose coalesceKey and overflow are the behavior's own, and up to its limit.
    const noise = new OwnMessage(NO_LIFE, undefined);
    for (let sent = 0; sent < room; sent++) actor.deliverOwn(noise);
    return room;
  }
}
