package chromium

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// wire carries commands to the browser and their answers back: JSON, each message
// ended by a zero byte.
type wire struct {
	send    io.WriteCloser
	receive io.ReadCloser

	mu     sync.Mutex
	last   int
	open   map[int]chan message
	events map[string]chan struct{} // by session and name; who waits for them
	broken error
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params any             `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Session string `json:"sessionId,omitempty"`
}

func newWire(send io.WriteCloser, receive io.ReadCloser) *wire {
	w := &wire{send: send, receive: receive, open: map[int]chan message{}, events: map[string]chan struct{}{}}
	go w.listen()
	return w
}

func (w *wire) listen() {
	in := bufio.NewReader(w.receive)
	for {
		raw, err := in.ReadBytes(0)
		if err != nil {
			w.fail(errors.New("the browser has ended"))
			return
		}
		var m message
		if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
			w.fail(fmt.Errorf("read the browser's answer: %w", err))
			return
		}
		w.deliver(m)
	}
}

func (w *wire) deliver(m message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.open[m.ID]; c != nil {
		delete(w.open, m.ID)
		c <- m
		return
	}
	name := m.Session + " " + m.Method
	if c := w.events[name]; c != nil {
		delete(w.events, name)
		close(c)
	}
}

// fail ends all waiting.
func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.broken = err
	}
	for id, c := range w.open {
		delete(w.open, id)
		close(c)
	}
	for name, c := range w.events {
		delete(w.events, name)
		close(c)
	}
}

// call sends a command to a session and decodes its answer into result, unless nil.
func (w *wire) call(ctx context.Context, session, method string, params, result any) error {
	answer := make(chan message, 1)
	if err := w.write(message{Method: method, Params: params, Session: session}, answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	case m, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("%s: %w", method, w.err())
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(m.Result, result)
	}
}

func (w *wire) write(m message, answer chan message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	w.last++
	m.ID = w.last
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	w.open[m.ID] = answer
	_, err = w.send.Write(append(raw, 0))
	return err
}

// next is closed when the session's next event of a name comes.
func (w *wire) next(session, method string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := session + " " + method
	c := w.events[name]
	if c == nil {
		c = make(chan struct{})
		w.events[name] = c
		if w.broken != nil {
			close(c)
			delete(w.events, name)
		}
	}
	return c
}

func (w *wire) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

func (w *wire) close() {
	w.fail(errors.New("the browser is closed"))
	_, _ = w.send.Close(), w.receive.Close()
}
