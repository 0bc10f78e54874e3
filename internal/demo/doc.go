// Package demo is a show of Tidings at work: a shop's real orders, replayed with
// the clock running fast, around customers who are made up. It sends nothing and
// stores nothing itself; what happens goes in over the HTTP API, as a shop would
// send it, and customers open and click over HTTP, as theirs would.
//
// Everything made up comes from a fixed seed: the show is the same every time.
package demo
