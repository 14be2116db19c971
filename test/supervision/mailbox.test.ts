import { expect } from 'chai';
import * as fc from 'fast-check';
import { Mailbox, MAILBOX_MAX, OVERFLOWS } from '../../src/supervision/mailbox.ts';
import { OwnMessage } from '../../src/supervision/own-message.ts';

function drained(mailbox: Mailbox<unknown, unknown>): unknown[] {
  return mailbox.drain().map((message) => (message instanceof OwnMessage ? message.message : message));
}

describe('a mailbox', () => {
  const full: Record<(typeof OVERFLOWS)[number], readonly [outcome: string, lost: string, left: readonly string[]]> = {
    reject: ['full', 'c', ['a', 'b']],
    drop_newest: ['accepted', 'c', ['a', 'b']],
    drop_oldest: ['accepted', 'a', ['b', 'c']],
    coalesce: ['full', 'c', ['a', 'b']],
    backpressure: ['full', 'c', ['a', 'b']],
    crash: ['full', 'c', ['a', 'b']],
  };

  for (const overflow of OVERFLOWS) {
    const [outcome, lost, left] = full[overflow];
    it(`that is full and told ${overflow} answers ${outcome}, loses ${lost} and keeps ${left.join(' and ')}`, () => {
      const mailbox = new Mailbox<unknown, unknown>({ max: 2, overflow });
      expect(mailbox.offer('a')).to.deep.equal({ outcome: 'accepted' });
      expect(mailbox.offer('b')).to.deep.equal({ outcome: 'accepted' });
      expect(mailbox.offer('c')).to.deep.equal({ outcome, lost });
      expect(drained(mailbox)).to.deep.equal(left);
    });
  }

  it('that coalesces holds the newest of each key where the first of it stood, below its bound too', () => {
    const mailbox = new Mailbox<never, string>({ max: 3, overflow: 'coalesce', coalesceKey: (reading) => (reading.startsWith('-') ? undefined : reading[0]!) });
    const outcomes = ['a1', 'b1', 'a2', '-x', 'c1', 'b2', '-y'].map((reading) => mailbox.offer(reading).outcome);
    expect(outcomes).to.deep.equal(['accepted', 'accepted', 'accepted', 'accepted', 'full', 'accepted', 'full']);
    expect(mailbox.overflowed).to.equal(4);
    expect([mailbox.shift(), mailbox.offer('a3').outcome, mailbox.drain()]).to.deep.equal(['a2', 'accepted', ['b2', '-x', 'a3']]);
    expect(mailbox.offer('b3').outcome).to.equal('accepted');
    expect(mailbox.drain()).to.deep.equal(['b3']);
  });

  it('under backpressure is pressed from its high-water mark on until it is down to its low one', () => {
    const mailbox = new Mailbox<never, number>({ max: 10, overflow: 'backpressure', high: 4, low: 2 });
    const pressed: boolean[] = [];
    const after = (step: () => void): void => (step(), void pressed.push(mailbox.isPressed));
    for (let number = 0; number < 4; number++) after(() => mailbox.offer(number));
    for (let number = 0; number < 3; number++) after(() => mailbox.shift());
    expect(pressed).to.deep.equal([false, false, false, true, true, false, false]);
    for (let number = 0; number < 9; number++) mailbox.offer(number);
    mailbox.drain();
    expect(mailbox.isPressed).to.equal(false);
  });

  it('that is held gives out what the runtime says and keeps the mail', () => {
    const mailbox = new Mailbox<string, string>();
    mailbox.isHeld = true;
    mailbox.offer('mail');
    expect([mailbox.isEmpty, mailbox.depth, mailbox.shift()]).to.deep.equal([true, 1, undefined]);
    mailbox.pushUrgent('news');
    expect([mailbox.isEmpty, mailbox.shiftUrgent(), mailbox.isEmpty]).to.deep.equal([false, 'news', true]);
    mailbox.isHeld = false;
    expect([mailbox.isEmpty, mailbox.shift()]).to.deep.equal([false, 'mail']);
  });

  it('remembers the most that ever waited, also when it has let go of the room for it', () => {
    const mailbox = new Mailbox<never, number>();
    for (let number = 0; number < 5_000; number++) mailbox.offer(number);
    while (!mailbox.isEmpty) mailbox.shift();
    mailbox.offer(1);
    expect([mailbox.depth, mailbox.depthMax, mailbox.shift()]).to.deep.equal([1, 5_000, 1]);
  });

  it('takes ten thousand by default, and refuses the next', () => {
    const mailbox = new Mailbox();
    for (let number = 0; number < MAILBOX_MAX; number++) expect(mailbox.offer(number).outcome).to.equal('accepted');
    expect(mailbox.offer('one more').outcome).to.equal('full');
  });

  it("takes an actor's own messages over its bound, in their turn, and does not drop them", () => {
    const mailbox = new Mailbox<unknown, unknown>({ max: 2, overflow: 'drop_oldest' });
    mailbox.offerOwn(new OwnMessage(1, 'own 1'));
    mailbox.offer('a');
    mailbox.offerOwn(new OwnMessage(1, 'own 2'));
    expect(mailbox.offer('b')).to.deep.equal({ outcome: 'accepted', lost: 'a' });
    expect(drained(mailbox)).to.deep.equal(['own 1', 'own 2', 'b']);
  });

  it('hands out urgent news before mail, each in its order', () => {
    const mailbox = new Mailbox<string, string>();
    mailbox.offer('mail');
    mailbox.pushUrgent('news 1');
    mailbox.pushUrgent('news 2');
    expect([mailbox.shiftUrgent(), mailbox.shiftUrgent(), mailbox.shiftUrgent(), mailbox.shift()]).to.deep.equal(['news 1', 'news 2', undefined, 'mail']);
    expect(mailbox.isEmpty).to.equal(true);
  });

  it('takes back urgent news that match, and only those', () => {
    const mailbox = new Mailbox<number, never>();
    for (const news of [1, 2, 3, 4, 5, 6]) mailbox.pushUrgent(news);
    mailbox.removeUrgent((news) => news % 2 === 0);
    expect([mailbox.shiftUrgent(), mailbox.shiftUrgent(), mailbox.shiftUrgent(), mailbox.shiftUrgent()]).to.deep.equal([1, 3, 5, undefined]);
  });

  it('holds no more than its bound, loses nothing untold and keeps order, whatever is offered', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.constantFrom(...OVERFLOWS), fc.array(fc.boolean(), { maxLength: 40 }), (max, overflow, isOffers) => {
        const mailbox = new Mailbox<never, number>({ max, overflow });
        const seen: number[] = [];
        isOffers.forEach((isOffer, number) => {
          const gone = isOffer ? mailbox.offer(number).lost : mailbox.shift();
          if (gone !== undefined) seen.push(gone);
          expect(mailbox.depth).to.be.at.most(max);
        });
        const left = mailbox.drain();
        expect(left).to.deep.equal(left.toSorted((one, other) => one - other));
        const offered = isOffers.flatMap((isOffer, number) => (isOffer ? [number] : []));
        expect([...seen, ...left].toSorted((one, other) => one - other)).to.deep.equal(offered);
      }),
    );
  });
});
