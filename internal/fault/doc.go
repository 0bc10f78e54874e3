// Package fault lets faults strike at named points of the way of a mail, so that
// tests can kill, freeze or fail a process exactly where it hurts. It is off
// unless TIDINGS_FAULT says otherwise, and then a point costs one atomic load.
//
// TIDINGS_FAULT is a list of rules, parted by commas:
//
//	POINT[:PASS]=ACTION[:DURATION]
//
// PASS is the pass through the point at which the rule strikes, counted from 1,
// which is the default; 3+ is the third and every later one. The actions:
//
//	kill      the process is gone at once, as by kill -9
//	term      the process is asked to stop, as by SIGTERM, and goes on
//	stop      the process is frozen (SIGSTOP), for DURATION if there is one
//	pause     what reached the point waits for DURATION, 1s by default
//	error     the point reports an error, where Errs says that it can
package fault
