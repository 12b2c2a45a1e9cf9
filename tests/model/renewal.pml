/*
 * renewal.pml: the renewal of a pair secret (core/renewal.h), for the model checker spin.
 *
 * In words, for every order of events, every frame lost, every break, every crash between two steps,
 * every power failure that undoes what was not stored for good, and every store that fails:
 *   1. (assert common) There is always a secret that both sides have, so a pair always finds each
 *      other; also by what each side would find on its disk if it died now.
 *   2. (assert one_secret) If nothing breaks any more, and sessions come up and offers are made as often
 *      as need be, both sides have one secret alone, the same: no past leaves a pair that cannot heal.
 *   3. (assert in agree) A side erases a secret only when the other one has what takes its place.
 *
 * What it leaves out: keys are numbers, for what can be computed from them is not the question; the
 * handshake is its two messages, one at a time (two_sessions.pml has two); records and knock tags are "the listener has that secret".
 * Neighbours: core/renewal.c, core/contact_secret.c, tests/unit/test_renewal.c. run.
 */
#define LOW  0
#define HIGH 1
#define NONE 0
/* The secret that is offered, as often as need be, when nothing breaks any more; the first one is 1. */
#define LAST (OFFERS + 2)

/* How often each thing may happen; `run long` has more of each. */
#ifndef OFFERS
#define OFFERS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef BREAKS
#define BREAKS 2
#endif

mtype = { ANSWER, FIRST, OFFER, STORED };

/* What a side has: secret, the one to take its place, the serial of the last offer. The disk may be
 * behind by what was stored, but not for good. */
typedef side {
	byte secret;
	byte next;
	byte serial;
	byte disk_secret;
	byte disk_next;
	byte disk_serial;
	byte link;   /* number of the session that counts; NONE */
	byte called; /* number of the session being dialled or answered; NONE */
	byte under;  /* the secret of that one */
	bool dialled;
};
side sides[2];

/* Of the low side: its last offer, in memory. */
bool offered;
byte candidate;

byte crashes;
byte breaks;
byte offers;

/* To each side: what, number of the session, and what it says. */
chan to[2] = [4] of { mtype, byte, byte, byte, byte };

#define has(s, x)  ((x) != NONE && (sides[s].secret == (x) || sides[s].next == (x)))
#define disk(s, x) ((x) != NONE && (sides[s].disk_secret == (x) || sides[s].disk_next == (x)))
#define quiet      (crashes == CRASHES && breaks == BREAKS && offers == OFFERS)
#define common     (has(HIGH, sides[LOW].secret) || has(HIGH, sides[LOW].next))
/* Either side may die now, or both, and read its disk. */
#define survivable (disk(HIGH, sides[LOW].secret) || disk(HIGH, sides[LOW].next)) && \
	(has(HIGH, sides[LOW].disk_secret) || has(HIGH, sides[LOW].disk_next)) && \
	(disk(HIGH, sides[LOW].disk_secret) || disk(HIGH, sides[LOW].disk_next))
#define one_secret (sides[LOW].secret == sides[HIGH].secret && sides[LOW].next == NONE && \
	sides[HIGH].next == NONE)

/* store_commit with a sync: what was stored before is on the disk then, too. */
inline save_for_good(s)
{
	sides[s].disk_secret = sides[s].secret;
	sides[s].disk_next = sides[s].next;
	sides[s].disk_serial = sides[s].serial;
}

/* contact_agree: S' takes the place of S. Stored, not for good. */
inline agree(s, x, ok)
{
	ok = true;
	if
	:: sides[s].secret == x
	:: sides[s].secret != x && sides[s].next == x && x != NONE ->
		if
		:: true ->
			assert(has(1 - s, x));
			sides[s].secret = x;
			sides[s].next = NONE
		:: !quiet /* it cannot be stored: both stay */
		fi
	:: else -> ok = false
	fi
}

#define in_use(n) (sides[LOW].link == n || sides[LOW].called == n || sides[HIGH].link == n || \
	sides[HIGH].called == n || to[LOW] ?? [_, eval(n), _, _, _] || to[HIGH] ?? [_, eval(n), _, _, _])

/* A session is told from all of which anything is left; few states are better than many. */
inline free_number(n)
{
	n = 1;
	do
	:: in_use(n) -> n++
	:: !in_use(n) -> break
	od
}

inline establish(s, number, x)
{
	agree(s, x, ok);
	if
	:: ok ->
		sides[s].link = number;
		if
		:: s == LOW -> offered = false
		:: else
		fi
	:: else
	fi
	sides[s].called = NONE
}

inline forget(s)
{
	sides[s].link = NONE;
	sides[s].called = NONE;
	if
	:: s == LOW -> offered = false; candidate = NONE
	:: else
	fi
}

/* The end of s goes: what is on its way to it is lost; what it has sent may be lost, too, or still
 * arrive. */
inline cut(s)
{
	do
	:: to[s] ? _, _, _, _, _
	:: empty(to[s]) -> break
	od;
	if
	:: true
	:: true ->
		do
		:: to[1 - s] ? _, _, _, _, _
		:: empty(to[1 - s]) -> break
		od
	fi;
	forget(s)
}

proctype daemon(byte me)
{
	byte number, a, b, c, n;
	bool ok;

end:	do
	/* Dial under either secret: the other side listens to those that it has. Also beside a link
	 * that it takes for alive. */
	:: atomic {
		sides[me].called == NONE && sides[1 - me].called == NONE &&
		(sides[me].link == NONE || sides[1 - me].link == NONE ||
		 sides[me].link != sides[1 - me].link) && nfull(to[me]) ->
		if
		:: has(1 - me, sides[me].secret) -> a = sides[me].secret
		:: has(1 - me, sides[me].next) -> a = sides[me].next
		:: else -> a = NONE
		fi;
		if
		:: a != NONE ->
			free_number(n);
			sides[me].called = n;
			sides[me].under = a;
			sides[me].dialled = true;
			sides[1 - me].called = n;
			sides[1 - me].under = a;
			sides[1 - me].dialled = false;
			to[me] ! ANSWER, n, NONE, NONE, NONE;
			n = NONE
		:: else
		fi;
		a = NONE
	   }
	/* The dialler has its answer: its session counts, and it says so. */
	:: atomic {
		nfull(to[1 - me]) && to[me] ? [ANSWER, number, a, b, c] ->
		to[me] ? ANSWER, number, a, b, c;
		if
		:: sides[me].called == number && sides[me].dialled ->
			establish(me, number, sides[me].under);
			if
			:: ok -> to[1 - me] ! FIRST, number, NONE, NONE, NONE
			:: else
			fi
		:: else
		fi;
		number = 0; a = 0; b = 0; c = 0; ok = false
	   }
	:: atomic {
		to[me] ? [FIRST, number, a, b, c] ->
		to[me] ? FIRST, number, a, b, c;
		if
		:: sides[me].called == number && !sides[me].dialled ->
			establish(me, number, sides[me].under)
		:: else
		fi;
		number = 0; a = 0; b = 0; c = 0; ok = false
	   }
	/* An offer, first or again. */
	:: atomic {
		me == LOW && sides[LOW].link != NONE &&
#if MUTANT != 3 /* 3: low makes offers while it has an S' */
		sides[LOW].next == NONE &&
#endif
		 (offers < OFFERS || quiet && (!offered || empty(to[LOW]) && empty(to[HIGH])) && !one_secret && sides[LOW].secret != LAST) &&
		nfull(to[HIGH]) ->
		if
		:: offers < OFFERS -> offers++; candidate = offers + 1; sides[LOW].serial++
		:: else -> candidate = LAST; sides[LOW].serial = LAST
		fi;
		offered = true;
		to[HIGH] ! OFFER, sides[LOW].link, sides[LOW].serial, sides[LOW].secret, candidate
	   }
	:: atomic {
		nfull(to[1 - me]) && to[me] ? [OFFER, number, a, b, c] ->
		to[me] ? OFFER, number, a, b, c; /* a serial, b base, c S' */
		if
		:: me == HIGH && sides[me].link == number && a >= sides[me].serial ->
			agree(me, b, ok);
			ok = ok && sides[me].secret == b;
			if
			:: ok && sides[me].next != c && a != sides[me].serial ->
				sides[me].next = c;
				sides[me].serial = a;
#if MUTANT != 1 /* 1: high answers before S' is stored for good */
				save_for_good(me)
#else
				skip
#endif
			:: ok && !quiet -> ok = false /* it cannot be stored */
			:: else
			fi;
			if
			:: ok && sides[me].next == c -> to[LOW] ! STORED, number, c, NONE, NONE
			:: else
			fi
		:: else
		fi;
		number = 0; a = 0; b = 0; c = 0; ok = false
	   }
	:: atomic {
		to[me] ? [STORED, number, a, b, c] ->
		to[me] ? STORED, number, a, b, c;
		if
		:: me == LOW && sides[me].link == number && offered && a == candidate ->
			offered = false;
			candidate = NONE;
			if
			:: true ->
#if MUTANT == 2 /* 2: low needs no S beside S' */
				sides[me].secret = a;
#else
				sides[me].next = a;
#endif
				save_for_good(me)
			:: !quiet /* it cannot be stored: low has no S' */
			fi
		:: else
		fi;
		number = 0; a = 0; b = 0; c = 0
	   }
	/* What was stored reaches the disk by and by. */
	:: atomic {
		sides[me].disk_secret != sides[me].secret || sides[me].disk_next != sides[me].next ||
		sides[me].disk_serial != sides[me].serial ->
		save_for_good(me)
	   }
	/* Both sides notice that a link is no longer the same: a break, or the other one's crash. */
	:: atomic {
		sides[me].link != NONE && sides[me].link != sides[1 - me].link &&
		sides[1 - me].called != sides[me].link ->
		forget(me)
	   }
	/* A dialled session whose other end has gone. */
	:: atomic {
		sides[me].called != NONE && sides[1 - me].called != sides[me].called &&
		sides[1 - me].link != sides[me].called ->
		sides[me].called = NONE
	   }
	/* An answered one of which no frame will come. */
	:: atomic {
		sides[me].called != NONE && !sides[me].dialled && sides[1 - me].called == NONE &&
		!(to[me] ?? [FIRST, eval(sides[me].called), _, _, _]) ->
		sides[me].called = NONE
	   }
	od
}

/* What happens to them. */
proctype fate()
{
	byte s;

	do
	:: atomic { /* the stream breaks, which one side notices before the other */
		breaks < BREAKS ->
		breaks++;
		select(s : 0 .. 1);
		cut(s)
	   }
	:: atomic { breaks < BREAKS -> breaks++ } /* or it does not */
	:: atomic { /* a process is killed: what is stored stays */
		crashes < CRASHES ->
		crashes++;
		select(s : 0 .. 1);
		cut(s)
	   }
	:: atomic { /* a power failure: what was not stored for good is undone */
		crashes < CRASHES ->
		crashes++;
		select(s : 0 .. 1);
		cut(s);
		sides[s].secret = sides[s].disk_secret;
		sides[s].next = sides[s].disk_next;
		/* The serial comes from the clock, which goes on. */
	   }
	:: atomic { crashes < CRASHES -> crashes++ }
	:: atomic { offers < OFFERS -> offers++ } /* none is made */
	:: quiet -> break
	od
}

/* Sessions end in good order, too, so that another one comes up under what was agreed on. */
proctype leave()
{
end:	do
	:: atomic {
		quiet && sides[LOW].next != NONE && sides[LOW].link == sides[HIGH].link &&
		sides[LOW].called == NONE && sides[HIGH].called == NONE ->
		cut(LOW);
		cut(HIGH)
	   }
	od
}

/* Its first step can come between any two; its second when nothing else can. */
proctype watch()
{
	do
	:: atomic { !(common && survivable) -> assert(false) }
	:: timeout -> assert(quiet && one_secret); break
	od
}

init
{
	atomic {
		sides[LOW].secret = 1;
		sides[HIGH].secret = 1;
		sides[LOW].disk_secret = 1;
		sides[HIGH].disk_secret = 1;
		run daemon(LOW);
		run daemon(HIGH);
		run fate();
		run leave();
		run watch()
	}
}
