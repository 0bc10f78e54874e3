package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/mail/smtptest"
)

// maildir is a mail server of another make, which delivers into files. What is in
// them is what is true.
type maildir struct {
	url, dir string
	ours     string // what the ids of the store's mails contain

	mu     sync.Mutex
	seen   map[string]string // by file: the message's id; empty: a mail of others
	n      map[string]int    // by the message's id
	broken []string
}

// newMaildir is the mail server of the test run, for the mails of a rig.
func newMaildir(t *testing.T, r *rig) *maildir {
	t.Helper()
	url, dir := postfix(t)
	return &maildir{url: url, dir: dir, ours: "." + r.store.ID() + "@", seen: map[string]string{}, n: map[string]int{}}
}

// postfix is the address of the test run's mail server, and where it delivers; without
// one the test is skipped.
func postfix(t *testing.T) (url, dir string) {
	t.Helper()
	url, dir = os.Getenv("TEST_SMTP_URL"), os.Getenv("TEST_MAILDIR")
	if url == "" || dir == "" {
		t.Skip("TEST_SMTP_URL and TEST_MAILDIR are not set")
	}
	return url, dir
}

func (m *maildir) URL() string { return m.url }

func (m *maildir) Counts() map[string]int {
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.n)
}

func (m *maildir) Total() (n int) {
	for _, of := range m.Counts() {
		n += of
	}
	return n
}

func (m *maildir) Wait(ctx context.Context, n int) error {
	return until(ctx, func() bool { return m.Total() >= n })
}

func (m *maildir) complaints() []string {
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.broken
	m.broken = nil
	return out
}

// counts: nobody makes it err.
func (m *maildir) counts() (unheard, refusals int) { return 0, 0 }

// look reads the mails that have been delivered since the last time.
func (m *maildir) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	files, err := os.ReadDir(filepath.Join(m.dir, "new"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // made with the first mail
		m.broken = append(m.broken, err.Error())
	}
	for _, f := range files {
		if _, seen := m.seen[f.Name()]; seen {
			continue
		}
		id, err := m.read(filepath.Join(m.dir, "new", f.Name()))
		if err != nil {
			m.broken = append(m.broken, fmt.Sprintf("message %s: %v", id, err))
		}
		if m.seen[f.Name()] = id; id != "" {
			m.n[id]++
		}
	}
}

// read is the id of a mail of the store, and what is wrong with it.
func (m *maildir) read(file string) (id string, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil || !strings.Contains(msg.Header.Get("Message-ID"), m.ours) {
		return "", nil // somebody else's
	}
	if id = msg.Header.Get(smtptest.IDHeader); id == "" {
		return "?", errors.New("no " + smtptest.IDHeader)
	}
	if by := msg.Header.Get("Received"); !strings.Contains(by, "(Postfix)") {
		return id, fmt.Errorf("it was received %q, not by Postfix", by)
	}
	who, _, _ := strings.Cut(msg.Header.Get("Delivered-To"), "@")
	return id, letterTo(who, msg)
}

// delivered waits until the server's queue is empty: what it has taken is in the files
// then.
func (m *maildir) delivered(t *testing.T) {
	t.Helper()
	queue := filepath.Join(m.dir, "..", "..", "queue")
	if _, err := os.Stat(filepath.Join(queue, "active")); err != nil {
		t.Fatalf("TEST_MAILDIR is not the inbox of a server that .ci/postfix has started: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := until(ctx, func() bool { return len(waiting(queue)) == 0 }); err != nil {
		t.Fatalf("Postfix has not delivered %v", waiting(queue))
	}
}

// waiting are the files of a Postfix's queue that hold mails.
func waiting(queue string) (files []string) {
	for _, name := range []string{"maildrop", "incoming", "active", "deferred", "hold", "corrupt"} {
		_ = filepath.WalkDir(filepath.Join(queue, name), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() { // else it has just gone on
				files = append(files, path)
			}
			return nil
		})
	}
	return files
}

// until looks again and again until ok, or the end of ctx.
func until(ctx context.Context, ok func() bool) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
	return nil
}
