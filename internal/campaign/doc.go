// Package campaign is the domain of Tidings: what a workspace says (campaigns,
// triggers, conditions, steps), what happens to a customer in it (candidates,
// passes, messages) and the rules between them. It is pure: no I/O, no clock of
// its own, no other package of ours.
//
// Moments are time.Time in UTC, truncated to microseconds, which is what both
// SQL engines store (BIGINT microseconds since 1970).
package campaign
