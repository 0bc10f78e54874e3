package bench

import (
	"context"
	"fmt"
	"time"
)

// quietFor is how long nothing may be sent before the run is given up.
const quietFor = 90 * time.Second

// send starts the senders, lets them go together, and waits until all is sent.
func (m *mailingRun) send(ctx context.Context) error {
	app := m.place.name + "_sender"
	senders, err := m.startSenders(ctx, app)
	if err != nil {
		return err
	}
	database, sink, begun := m.place.backends(ctx, app), m.sink.cpu(), time.Now()
	if err := orderAll(senders, "go"); err != nil {
		return err
	}
	last, sent, err := m.watch(ctx, senders)
	if err != nil {
		return err
	}
	if err := orderAll(senders, "end"); err != nil {
		return err
	}
	m.out.Seconds = last.Sub(begun).Seconds()
	m.out.PerSecond = float64(m.Messages) / m.out.Seconds
	if err := m.hear(ctx, senders, sent); err != nil {
		return err
	}
	m.out.CPU.Sink = m.sink.cpu() - sink
	for pid, now := range m.place.backends(ctx, app) {
		m.out.CPU.Database += now - database[pid]
	}
	m.out.Micros = m.out.CPU.over(float64(m.Messages) / 1e6)
	for _, c := range senders {
		if err := c.wait(); err != nil {
			return err
		}
	}
	return nil
}

// startSenders starts the processes that send, and waits until they are ready.
func (m *mailingRun) startSenders(ctx context.Context, app string) (senders []*child, err error) {
	env := []string{"DATABASE_URL=" + m.place.named(app), "REDIS_URL=" + m.RedisURL, "SMTP_URL=" + m.SMTPURL, fmt.Sprint("SMTP_CONNECTIONS=", m.Connections)}
	for i := range m.Workers {
		args := []string{"sender", "--delay", m.Delay.String()}
		if i == 0 {
			args = append(args, "--relay")
		}
		if m.TLS {
			args = append(args, "--trust-sink")
		}
		c, err := m.start(ctx, env, args...)
		if err != nil {
			return nil, err
		}
		senders = append(senders, c)
	}
	for _, c := range senders {
		if _, err := c.next(ctx); err != nil {
			return nil, err
		}
	}
	return senders, nil
}

func orderAll(senders []*child, what string) error {
	for _, c := range senders {
		if err := c.order(what); err != nil {
			return err
		}
	}
	return nil
}

// hear adds up what the senders tell of themselves at their end.
func (m *mailingRun) hear(ctx context.Context, senders []*child, sent []int) error {
	m.out.CPU.Parts = map[string]float64{"evaluate": m.out.CPU.Tick}
	for i, c := range senders {
		told, err := c.usage(ctx)
		if err != nil {
			return err
		}
		m.out.CPU.Worker += told.CPU
		m.out.Peak = max(m.out.Peak, told.Peak)
		for name, seconds := range told.Parts {
			m.out.CPU.Parts[name] += seconds
		}
		m.out.Each = append(m.out.Each, EachSender{Messages: sent[i], PerSecond: float64(sent[i]) / m.out.Seconds, CPU: told.CPU, Peak: told.Peak})
	}
	return nil
}

// over is the same for one of n.
func (c SendCPU) over(n float64) SendCPU {
	each := SendCPU{Worker: c.Worker / n, Tick: c.Tick / n, Database: c.Database / n, Sink: c.Sink / n, Parts: map[string]float64{}}
	for name, seconds := range c.Parts {
		each.Parts[name] = seconds / n
	}
	return each
}

// watch waits until all is sent, and tells when, and by whom how many.
func (m *mailingRun) watch(ctx context.Context, senders []*child) (last time.Time, sent []int, err error) {
	sent = make([]int, len(senders))
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	heard := time.Now()
	for total := 0; total < m.Messages; {
		select {
		case <-look.C:
		case <-ctx.Done():
			return last, sent, ctx.Err()
		}
		for i, c := range senders {
			for len(c.lines) > 0 {
				line, err := c.next(ctx)
				if err != nil {
					return last, sent, err
				}
				total += line.Sent - sent[i]
				sent[i] = line.Sent
				if at := time.UnixMicro(line.At); at.After(last) {
					last = at
				}
				heard = time.Now()
			}
			if c.over.Load() && len(c.lines) == 0 {
				return last, sent, c.fault()
			}
		}
		if time.Since(heard) > quietFor {
			return last, sent, fmt.Errorf("%d of %d mails were sent, and then none for %s", total, m.Messages, quietFor)
		}
	}
	return last, sent, nil
}
