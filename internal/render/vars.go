package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// variables are what a message's templates can name. What is not known is
// absent rather than empty, so that an output of it is caught.
func (r *Renderer) variables(o *campaign.Outgoing, l *letter, st *state) (map[string]any, error) {
	vars := map[string]any{
		stateVar:    st,
		"customer":  customerData(&o.Customer),
		"campaign":  l.data,
		"step":      o.Step,
		"brand":     r.brand,
		"workspace": r.workspace,
		"links":     map[string]any{"unsubscribe": st.settings.PublicURL + "/u/" + st.sign(token.Unsubscribe, 0)},
		"locale":    st.locale,
		"dir":       direction(st.locale),
		"now":       st.now.In(st.zone),
	}
	if len(o.Trigger) > 0 {
		var data map[string]any
		if err := json.Unmarshal(o.Trigger, &data); err != nil {
			return nil, fmt.Errorf("read trigger of message %d: %w", o.ID, err)
		}
		trigger := wholeNumbers(data)
		vars["trigger"] = trigger
		if _, ok := l.campaign.Trigger.(campaign.PastPurchase); ok {
			vars["order"] = trigger
		}
	}
	if o.Cart != nil {
		vars["cart"] = wholeNumbers(o.Cart.Data())
	}
	return vars, nil
}

func customerData(c *campaign.Customer) map[string]any {
	data := make(map[string]any, len(c.Attributes)+4)
	for k, v := range c.Attributes {
		data[k] = wholeNumbers(v)
	}
	for k, v := range map[string]string{"id": c.ExternalID, "email": c.Email, "locale": c.Locale, "timezone": c.Timezone} {
		if v != "" {
			data[k] = v
		}
	}
	return data
}

// wholeNumbers makes JSON's numbers without a fraction whole again, so that an
// order's number is not written 1e+07 and a count can limit a loop. Values of
// the domain become the scalars that they hold. The input stays as it is.
func wholeNumbers(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = wholeNumbers(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = wholeNumbers(x)
		}
		return out
	case campaign.Value:
		switch v.Kind {
		case campaign.Number:
			return wholeNumbers(v.Number)
		case campaign.Bool:
			return v.Bool
		case campaign.Time:
			return v.Time
		}
		return v.Text
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return int(i)
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

// localeFor is the locale that a mail is written in: the first of the
// customer's that the workspace speaks, else the workspace's first.
func (r *Renderer) localeFor(customer string) string {
	locales := r.catalog.Workspace.Locales
	for _, l := range campaign.LocaleChain(customer, locales) {
		if slices.Contains(locales, l) {
			return l
		}
	}
	if len(locales) > 0 {
		return locales[0]
	}
	return "en"
}

// zoneFor is the customer's zone, or the workspace's. Zones are read from files,
// so each is kept.
func (r *Renderer) zoneFor(name string) *time.Location {
	if z, ok := r.zones.Load(name); ok {
		return z.(*time.Location)
	}
	fallback := r.catalog.Workspace.Zone
	if fallback == nil {
		fallback = time.UTC
	}
	if name == "" || name == "Local" {
		return fallback
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return fallback // not kept: customers could name any number of these
	}
	r.zones.Store(name, z)
	return z
}

func textMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range maps.All(m) {
		out[k] = v
	}
	return out
}
