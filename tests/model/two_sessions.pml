/*
 * two_sessions.pml: which of two sessions stays (core/contact_session.c), for the model checker spin.
 *
 * In words, for every order of events, every stream that breaks, every crash and restart, and
 * whatever each side's clock says of how old a session is:
 *   1. (assert linked) When nothing breaks any more and nothing more is under way, both sides have a
 *      link, and it is the same session. So no rule of who stays leaves two halves of two sessions.
 *   2. (assert in daemon) Until then each side dials at most DIALS times more: no two that replace each
 *      other's sessions for ever.
 *   3. (assert in close) No session is used after its end, and none is left open by both.
 *   4. spin's own check: no message finds a side that does not know what to do with it.
 *
 * What it leaves out: secrets (renewal.pml), statuses, and that someone looks for a contact who is
 * not there. Neighbours: core/contact_session.c, core/dialler.c, tests/scenario/same-second.txt. run.
 */
#define LOW   0
#define HIGH  1
#define NONE  9
#define SLOTS 4 /* sessions at once: one that each side calls, a link of each */

#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef BREAKS
#define BREAKS 1
#endif

mtype = { KNOCK, ANSWER, FIRST, BYE, CLOSE };

/* A session: a stream of its own each way, in order. */
typedef session {
	bool dialled_by_low;
	bool open[2];
	byte instance[2]; /* of the two daemons at the handshake */
	bool aged[2];     /* older than RACE_MS by that side's clock */
};
session sessions[SLOTS];
chan to[2 * SLOTS] = [4] of { mtype }; /* first those to the low side */
#define inbound(me, n) to[(me) * SLOTS + (n)]

typedef side {
	byte link;
	byte calling;
	byte answering;
	bool resting;
	byte instance;
};
side sides[2];

byte crashes;
byte breaks;
byte dials[2]; /* when all is quiet */
/* The least for which it holds; with more that happens, more is left to be sorted out. */
#ifndef DIALS
#define DIALS 5
#endif

#define quiet  (crashes == CRASHES && breaks == BREAKS)
#define still  (len(to[0]) + len(to[1]) + len(to[2]) + len(to[3]) + len(to[4]) + len(to[5]) + \
	len(to[6]) + len(to[7]) == 0)
#define linked (sides[LOW].link != NONE && sides[LOW].link == sides[HIGH].link)
#define is_free(n) (!sessions[n].open[LOW] && !sessions[n].open[HIGH] && len(inbound(LOW, n)) == 0 && len(inbound(HIGH, n)) == 0)

inline say(me, n, what)
{
	if
	:: !sessions[n].open[1 - me] /* nobody reads it */
	:: sessions[n].open[1 - me] -> inbound(1 - me, n) ! what
	fi
}

/* What comes for us from now on is not read; the other side hears of it. */
inline close(me, n)
{
	assert(sessions[n].open[me]); 
	sessions[n].open[me] = false;
	sessions[n].aged[me] = false;
	do
	:: inbound(me, n) ? _
	:: empty(inbound(me, n)) -> break
	od;
	say(me, n, CLOSE)
}

#define CLOSE_IF(me, field) \
	if \
	:: sides[me].field != NONE -> close(me, sides[me].field); sides[me].field = NONE \
	:: else \
	fi

/* newcomer_stays */
#define other_instance(me, old, new) (sessions[old].instance[1 - me] != sessions[new].instance[1 - me])
#define same_dialler(old, new) (sessions[old].dialled_by_low == sessions[new].dialled_by_low)
#if MUTANT == 1 /* 1: each side prefers what it has dialled itself */
#define preferred(me, new) (sessions[new].dialled_by_low == ((me) == LOW))
#else
#define preferred(me, new) (sessions[new].dialled_by_low)
#endif
#define stays(me, old, new) (other_instance(me, old, new) || sessions[old].aged[me] || \
	same_dialler(old, new) || preferred(me, new))

/* on_established; taken says whether the session is the link now. */
inline establish(me, n)
{
	if
	:: sides[me].calling == n -> sides[me].calling = NONE
	:: sides[me].answering == n -> sides[me].answering = NONE
	fi;
	if
	:: sides[me].link != NONE && !stays(me, sides[me].link, n) ->
		say(me, n, BYE);
		close(me, n);
		taken = false
	:: else ->
		if
		:: sides[me].link != NONE ->
			say(me, sides[me].link, BYE);
			close(me, sides[me].link)
		:: else
		fi;
		sides[me].link = n;
		sides[me].resting = false;
		CLOSE_IF(me, calling);
		taken = true
	fi
}

/* take_leave with BYE_DUPLICATE: the session that the other side prefers is on its way. */
inline take_leave(me)
{
	CLOSE_IF(me, link);
	sides[me].resting = true
}

inline handle(me, n, what)
{
	if
	:: what == KNOCK ->
		CLOSE_IF(me, answering);
		sessions[n].instance[me] = sides[me].instance;
		sides[me].answering = n;
		say(me, n, ANSWER)
	:: what == ANSWER ->
		assert(sides[me].calling == n);
		establish(me, n);
		if
		:: taken -> say(me, n, FIRST)
		:: else
		fi
	:: what == FIRST ->
		assert(sides[me].answering == n);
		establish(me, n)
	:: what == BYE && sides[me].answering == n -> /* a first frame, too */
		establish(me, n);
		if
		:: taken -> take_leave(me)
		:: else
		fi
	:: what == BYE && sides[me].link == n -> take_leave(me)
	:: what == CLOSE && sides[me].calling == n -> CLOSE_IF(me, calling)
	:: what == CLOSE && sides[me].answering == n ->
		CLOSE_IF(me, answering);
#if MUTANT != 2 /* 2: who waits for another session is not told that it will not come */
		sides[me].resting = false
#else
		skip
#endif
	:: what == CLOSE && sides[me].link == n -> CLOSE_IF(me, link)
	fi
}

proctype daemon(byte me)
{
	byte n;
	mtype what;
	bool taken;

end:	do
	:: atomic { /* dial */
		sides[me].link == NONE && sides[me].calling == NONE && !sides[me].resting &&
		(is_free(0) || is_free(1) || is_free(2) || is_free(3)) ->
		if
		:: is_free(0) -> n = 0
		:: else ->
			if
			:: is_free(1) -> n = 1
			:: else ->
				if
				:: is_free(2) -> n = 2
				:: else -> n = 3
				fi
			fi
		fi;
		if
		:: quiet -> dials[me]++; assert(dials[me] <= DIALS)
		:: else
		fi;
		sides[me].calling = n;
		sessions[n].dialled_by_low = (me == LOW);
		sessions[n].open[LOW] = true;
		sessions[n].open[HIGH] = true;
		sessions[n].instance[me] = sides[me].instance;
		say(me, n, KNOCK);
		n = 0
	   }
	:: atomic { /* a frame, of any of the streams */
		if
		:: inbound(me, 0) ? what -> n = 0
		:: inbound(me, 1) ? what -> n = 1
		:: inbound(me, 2) ? what -> n = 2
		:: inbound(me, 3) ? what -> n = 3
		fi;
		handle(me, n, what);
		n = 0;
		what = 0;
		taken = false
	   }
#if MUTANT != 2
	/* DUPLICATE_REST_MS is longer than what was sent is under way, but for trouble. */
	:: atomic { sides[me].resting && (!quiet || still) -> sides[me].resting = false }
#endif
	:: atomic { /* by this side's clock the link is old */
		!quiet && sides[me].link != NONE && !sessions[sides[me].link].aged[me] ->
		sessions[sides[me].link].aged[me] = true
	   }
	od
}

proctype fate()
{
	byte s, n;

	do
	:: atomic { /* a stream breaks at one end; the other hears of it after what was under way */
		breaks < BREAKS ->
		breaks++;
		select(s : 0 .. 1);
		if
		:: true -> CLOSE_IF(s, link)
		:: true -> CLOSE_IF(s, calling)
		:: true -> CLOSE_IF(s, answering)
		fi
	   }
	:: atomic { /* a process is killed, and is started again */
		crashes < CRASHES ->
		crashes++;
		select(s : 0 .. 1);
		n = 0;
		do
		:: n < SLOTS ->
			if
			:: sessions[n].open[s] -> close(s, n)
			:: else
			fi;
			n++
		:: else -> break
		od;
		n = 0;
		sides[s].link = NONE;
		sides[s].calling = NONE;
		sides[s].answering = NONE;
		sides[s].resting = false;
		sides[s].instance++
	   }
	:: atomic { crashes < CRASHES -> crashes++ }
	:: quiet -> break
	od
}

/* When nothing else can happen. */
proctype watch()
{
	timeout -> assert(linked)
}

init
{
	atomic {
		sides[LOW].link = NONE;
		sides[LOW].calling = NONE;
		sides[LOW].answering = NONE;
		sides[HIGH].link = NONE;
		sides[HIGH].calling = NONE;
		sides[HIGH].answering = NONE;
		run daemon(LOW);
		run daemon(HIGH);
		run fate();
		run watch()
	}
}
