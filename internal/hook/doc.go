// Package hook takes what mail providers tell over HTTP: that a mail was delivered,
// refused, called spam, or answered with an unsubscribe. Each provider proves itself
// in its own way, and nothing of a call is looked at, and nothing of it stored,
// before it has. What it says becomes the report that mail which comes back becomes,
// and the same follows from it.
//
// A call may come twice, late, or from somebody who has seen an earlier one. So it
// is taken only within a window of time where the provider signs one, a report acts
// once by the provider's name for it, and all that is read is bounded.
package hook
