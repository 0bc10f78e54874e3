// Package e2e holds the tests that run Tidings as it is deployed: separate
// processes, PostgreSQL, Redis and a mail server of another make.
package e2e
