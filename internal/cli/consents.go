package cli

import (
	"cmp"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

type consentsCmd struct {
	Customer string `arg:"" optional:"" help:"The shop's id of the customer. Without one: how many were asked to confirm, and which questions limits have kept back."`
}

// consentsOutput is what `consents --json` prints.
type consentsOutput struct {
	Customer string                  `json:"customer"`
	Consents []campaign.ConsentEntry `json:"consents"`
}

// Run prints the consent log of a customer.
func (c *consentsCmd) Run(rt *runtime) error {
	s, err := rt.openMigrated()
	if err != nil {
		return err
	}
	defer s.Close()
	if c.Customer == "" {
		return rt.printAsked(s)
	}
	log, ok, err := s.ConsentLog(rt.ctx, c.Customer)
	if err != nil {
		return err
	}
	if !ok {
		return &exitError{exitNo, "there is no customer " + c.Customer + "; name one by the shop's id, as in `tidings explain`"}
	}
	if rt.json {
		if log == nil {
			log = []campaign.ConsentEntry{}
		}
		return rt.printJSON(consentsOutput{c.Customer, log})
	}
	if len(log) == 0 {
		rt.printf("%s has said nothing about any topic: no marketing mail goes to them\n", c.Customer)
	}
	for _, e := range log {
		rt.printf("%s\n", consentLine(e))
	}
	return nil
}

// consentLine is one entry for a person.
func consentLine(e campaign.ConsentEntry) string {
	word := "no "
	switch {
	case e.Pending:
		word = "asked, not confirmed"
	case e.Follows && !e.Given:
		word = "not confirmed for this address"
	case e.Given:
		word = "yes"
	}
	topic := e.Topic
	if topic == "*" {
		topic = "all topics"
	}
	line := e.Recorded.UTC().Format(time.RFC3339) + "  " + word + "  " + topic + "  by " + cmp.Or(e.Source, "an event")
	if e.Given && !e.Pending && e.At.IsZero() {
		line += " (imported: holds from the beginning)"
	}
	if e.Text != "" {
		line += "; words " + e.Text
	}
	if e.Proof != "" {
		line += "; proof: " + e.Proof
	}
	if e.AddressHash != "" {
		line += "; address " + e.AddressHash[:min(12, len(e.AddressHash))] + "…"
	}
	return line
}

// askedSince is how far back `consents` looks without a customer.
const askedSince = 7 * 24 * time.Hour

// askedOutput is what `consents --json` prints without a customer.
type askedOutput struct {
	Asked    int                `json:"asked"`    // questions of double opt-in, within a day
	Answered int                `json:"answered"` // of those addresses, by pressing the button
	KeptBack []store.AskedCount `json:"kept_back"`
}

// printAsked says how many were asked to confirm, and what was kept back.
func (rt *runtime) printAsked(s *store.Store) error {
	now, err := rt.reportNow(s)
	if err != nil {
		return err
	}
	out := askedOutput{KeptBack: []store.AskedCount{}}
	if out.Asked, out.Answered, err = s.AskedMails(rt.ctx, campaign.ServiceConfirm, now); err != nil {
		return err
	}
	kept, err := s.Unasked(rt.ctx, now.Add(-askedSince))
	if err != nil {
		return err
	}
	out.KeptBack = append(out.KeptBack, kept...)
	if rt.json {
		return rt.printJSON(out)
	}
	rt.printf("asked to confirm within 24 hours: %d, confirmed: %d\n", out.Asked, out.Answered)
	for _, k := range out.KeptBack {
		why := "the address had been asked already"
		if k.Why != "address" {
			why = "the hour's limit of a write key (CONFIRMATIONS_PER_HOUR)"
		}
		by := "by imports"
		if k.WriteKey > 0 {
			by = fmt.Sprintf("by key %d of WRITE_KEY", k.WriteKey)
		}
		rt.printf("%s  %d × %s not mailed, asked for %s: %s\n", k.Day.Format(time.DateOnly), k.Count, k.Mail, by, why)
	}
	return nil
}
