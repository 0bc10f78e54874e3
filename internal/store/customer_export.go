package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// Export is all that is stored of a customer, for themselves. Columns that only keep
// our own work in order are left out.
type Export struct {
	At           time.Time               `json:"at"`
	Customer     map[string]any          `json:"customer"`
	Identities   []map[string]any        `json:"identities"`
	Attributes   []map[string]any        `json:"attributes"` // what was known, and from when on
	Consents     []campaign.ConsentEntry `json:"consents"`
	Suppressions []map[string]any        `json:"suppressions"` // of the address
	SoftBounces  []map[string]any        `json:"soft_bounces"`
	Events       []map[string]any        `json:"events"`
	Campaigns    []map[string]any        `json:"campaigns"`
	Mails        []map[string]any        `json:"mails"`
	Hits         []map[string]any        `json:"hits"` // what came back from mails
}

// ExportManaged is the export of the customer whose page a one-time link has opened,
// as JSON.
func (s *Store) ExportManaged(ctx context.Context, message int64, at time.Time) ([]byte, error) {
	at, err := s.stamp(ctx, s.db, at)
	if err != nil {
		return nil, err
	}
	customer, open, err := s.managed(ctx, s.db, message, at)
	if err != nil {
		return nil, err
	}
	if !open {
		return nil, campaign.ErrLink
	}
	out, err := s.export(ctx, customer, at)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(out, "", "  ")
}

// ExportCustomer is all that is stored of a customer; nil: there is none.
func (s *Store) ExportCustomer(ctx context.Context, customer int64, at time.Time) (*Export, error) {
	return s.export(ctx, customer, at)
}

func (s *Store) export(ctx context.Context, customer int64, at time.Time) (*Export, error) {
	out := &Export{At: at}
	own, err := s.exportRows(ctx, `SELECT external_id AS id, email, locale, timezone, created_at, less_often, paused_till AS paused_until_at, attributes AS attributes_json
		FROM customers WHERE id = $1`, customer)
	if err != nil || len(own) == 0 {
		return nil, err
	}
	out.Customer = own[0]
	if out.Consents, err = s.consentLog(ctx, s.db, customer); err != nil {
		return nil, err
	}
	if out.Consents == nil {
		out.Consents = []campaign.ConsentEntry{}
	}
	const mine = `(SELECT c.email_hash FROM customers c WHERE c.id = $1)`
	for _, part := range []struct {
		to    *[]map[string]any
		query string
	}{
		{&out.Identities, `SELECT kind, value FROM identities WHERE customer_id = $1 ORDER BY kind, value`},
		{&out.Attributes, `SELECT name, at AS since_at, kind, text AS value FROM attribute_facts WHERE customer_id = $1 ORDER BY name, at, id`},
		{&out.Suppressions, `SELECT topic, reason, at AS since_at FROM suppressions WHERE email_hash = ` + mine + ` ORDER BY topic`},
		{&out.SoftBounces, `SELECT reason, day * 86400000000 AS day_at FROM soft_bounces WHERE email_hash = ` + mine + ` ORDER BY day, reason`},
		{&out.Events, `SELECT name, occurred_at, known_at, properties AS properties_json FROM events WHERE customer_id = $1 ORDER BY occurred_at, id`},
		{&out.Campaigns, `SELECT k.name AS campaign, e.entered_at, e.state, e.reason, e.ended_at FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id
			WHERE e.customer_id = $1 ORDER BY e.entered_at, e.id`},
		{&out.Mails, `SELECT k.name AS campaign, m.step AS mail, m.topic, m.created_at, m.due_at, m.done_at, m.state, m.reason, m.opened_at, m.clicked_at, m.unsubscribed_at
			FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.customer_id = $1 ORDER BY m.created_at, m.id`},
		{&out.Hits, `SELECT h.kind, h.at AS happened_at, h.user_agent, h.network, h.grade, l.url FROM hits h JOIN messages m ON m.id = h.message_id
			LEFT JOIN links l ON l.id = h.link_id WHERE m.customer_id = $1 ORDER BY h.at, h.id`},
	} {
		if *part.to, err = s.exportRows(ctx, part.query, customer); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// exportRows reads rows as objects. Columns that end in _at are moments, those that
// end in _json documents; what is not there is left out.
func (s *Store) exportRows(ctx context.Context, query string, customer int64) ([]map[string]any, error) {
	rows, err := s.db.QueryContext(ctx, query, customer)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	columns, err := rows.Columns()
	if err != nil {
		rows.Close()
		return nil, fmt.Errorf("export: %w", err)
	}
	out, err := collect(rows, nil, func(rows *sql.Rows) (map[string]any, error) {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		return exported(columns, values), nil
	})
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if out == nil {
		out = []map[string]any{}
	}
	return out, nil
}

func exported(columns []string, values []any) map[string]any {
	out := make(map[string]any, len(columns))
	for i, name := range columns {
		v := values[i]
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		text, isText := v.(string)
		us, isNumber := v.(int64)
		document, isDocument := strings.CutSuffix(name, "_json")
		switch {
		case v == nil || isText && text == "":
		case isDocument && isText:
			out[document] = json.RawMessage(text)
		case strings.HasSuffix(name, "_at") && isNumber:
			out[name] = campaign.FromMicros(us).UTC()
		case name == "less_often" && isNumber: // SQLite has no booleans
			out[name] = us != 0
		default:
			out[name] = v
		}
	}
	return out
}
