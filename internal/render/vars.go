package render

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// variables are what a message's templates can name. What is not known is
// absent rather than empty, so that an output of it is caught.
func (r *Renderer) variables(o *campaign.Outgoing, l *letter, st *state, u *units) (map[string]any, error) {
	vars := map[string]any{
		stateVar:    st,
		"customer":  customerData(&o.Customer),
		"campaign":  l.data,
		"step":      o.Step,
		"brand":     r.brand,
		"workspace": r.workspace,
		"links":     links(st, u),
		"locale":    st.locale,
		"dir":       direction(st.locale),
		"now":       st.now.In(st.zone),
	}
	if u.rare() {
		vars["with"], vars["products"] = l.with[st.locale], st.settings.products()
	}
	if len(o.Trigger) > 0 && u.trigger() {
		var data map[string]any
		if err := json.Unmarshal(o.Trigger, &data); err != nil {
			return nil, fmt.Errorf("read trigger of message %d: %w", o.ID, err)
		}
		trigger := wholeInPlace(data)
		vars["trigger"] = trigger
		if _, ok := l.campaign.Trigger.(campaign.PastPurchase); ok {
			vars["order"] = trigger
		}
	}
	r.served(l, st, vars)
	if o.Cart != nil {
		vars["cart"] = wholeNumbers(o.Cart.Data())
	}
	return vars, nil
}

// links are the customer's own. That to the page of preferences is made where it is
// asked for.
func links(st *state, u *units) map[string]any {
	out := map[string]any{"unsubscribe": st.settings.PublicURL + "/u/" + st.unsubscribe()}
	if u.choices() {
		out["preferences"] = st.settings.PublicURL + "/p/" + st.sign(token.Preferences, 0)
	}
	if u.viewed() {
		st.viewed = true
		out["view"] = st.settings.PublicURL + "/v/" + st.sign(token.View, 0)
	}
	return out
}

func customerData(c *campaign.Customer) map[string]any {
	data := make(map[string]any, len(c.Attributes)+4)
	for k, v := range c.Attributes {
		v = wholeNumbers(v)
		// A name of spaces leaves a hole in a mail like one that is not known.
		if text, ok := v.(string); !ok || strings.TrimSpace(text) != "" {
			data[k] = v
		}
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

// wholeInPlace is wholeNumbers of what encoding/json has just made.
func wholeInPlace(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	case map[string]any:
		for k, x := range v {
			switch x.(type) {
			case float64, map[string]any, []any:
				v[k] = wholeInPlace(x)
			}
		}
	case []any:
		for i, x := range v {
			v[i] = wholeInPlace(x)
		}
	}
	return v
}

// localeFor is the locale that a mail is written in: the first of the
// customer's that the workspace speaks, else the workspace's first.
func (r *Renderer) localeFor(customer string) string {
	locales := r.catalog.Workspace.Locales
	for _, l := range r.catalog.Workspace.LocaleChain(customer) {
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

// brandMap is the brand as templates see it: social.instagram is instagram in the
// group social.
func brandMap(m map[string]string) map[string]any {
	out := map[string]any{}
	for key, v := range m {
		parts := strings.Split(key, ".")
		at := out
		for _, group := range parts[:len(parts)-1] {
			inner, ok := at[group].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[group] = inner
			}
			at = inner
		}
		at[parts[len(parts)-1]] = v
	}
	return out
}
