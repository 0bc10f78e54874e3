package bench

import (
	"context"
	"fmt"
)

func (m *mailingRun) startSink(ctx context.Context) error {
	if m.SMTPURL != "" {
		return nil
	}
	args := []string{"sink"}
	if m.TLS {
		args = append(args, "--tls")
	}
	c, err := m.start(ctx, nil, args...)
	if err != nil {
		return err
	}
	m.sink = c
	first, err := c.next(ctx)
	if err != nil {
		return err
	}
	m.SMTPURL = first.Address
	return nil
}

// bare measures the bare loop against the same sink.
func (m *mailingRun) bare(ctx context.Context) error {
	if m.Bare == 0 || m.TLS {
		return nil
	}
	before := m.sink.cpu()
	c, err := m.start(ctx, nil, "bare", "--smtp", m.SMTPURL, "--messages", fmt.Sprint(m.Bare), "--connections", fmt.Sprint(m.Connections))
	if err != nil {
		return err
	}
	told, err := c.next(ctx)
	if err != nil {
		return err
	}
	n := float64(m.Bare)
	m.out.Baseline = BareFigures{Messages: m.Bare, PerSecond: n / told.Seconds, Micros: told.Usage.CPU / n * 1e6, Sink: (m.sink.cpu() - before) / n * 1e6}
	return c.wait()
}

// check proves that the ledger has every mail as accepted, and that the sink has
// had each of them once.
func (m *mailingRun) check(ctx context.Context) error {
	var ids, sum, twice int64
	err := m.place.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(id), 0), coalesce(sum(CASE WHEN duplicate THEN 1 ELSE 0 END), 0)
		FROM messages WHERE state = 'accepted' AND smtp_code = 250`).Scan(&ids, &sum, &twice)
	if err != nil {
		return err
	}
	m.out.Accepted = int(ids)
	if int(ids) != m.Messages || twice != 0 {
		return fmt.Errorf("the ledger has %d mails as accepted, %d of them sent again; %d were decided", ids, twice, m.Messages)
	}
	if m.sink == nil {
		return nil
	}
	if err := m.sink.order("tell"); err != nil {
		return err
	}
	told, err := m.sink.next(ctx)
	if err != nil {
		return err
	}
	t := told.Taken
	m.out.Proof = t
	m.out.MailBytes = int(t.Bytes / int64(max(1, t.Mails+t.Other)))
	if len(t.Refused) > 0 {
		return fmt.Errorf("the sink was told what it does not understand: %v", t.Refused)
	}
	if t.Mails != m.Messages || t.IDs != m.Messages || t.Sum != sum {
		return fmt.Errorf("the sink took %d mails of %d ids; the ledger has %d", t.Mails, t.IDs, ids)
	}
	return nil
}
