// Package queue carries slices of messages, by number, from the relay to the
// workers. It is a hint and nothing more: the backlog and every state lie in
// SQL, tasks may get lost or run twice, and whoever handles one asks the ledger
// what is left to do. asynq and Redis stay behind this package; without a Redis
// URL a Redis runs inside the process, with no port.
package queue
