package hook

import (
	"context"
	"net/http"
	"time"
)

// call is a request to a webhook.
type call struct {
	*http.Request
	body []byte
	at   time.Time
}

// provider checks and reads the calls of one provider.
type provider interface {
	// greet checks what can be checked before the body is read.
	greet(r *http.Request) error
	// open checks a call as a whole and reads it. Only a call that is the provider's
	// gives reports, or an error other than errUnsigned and errStale.
	open(ctx context.Context, c call) (opened, error)
}

// opened is a call that is the provider's.
type opened struct {
	reports []Report
	mails   []received // that the provider has received for us
	// once names the call, where the signature does not cover the body: another body
	// under the same name is a forgery.
	once string
}

// near tells whether a signed moment is close enough to now. A provider that tries
// again signs anew, or does so within window; clocks differ by some minutes.
func near(signed, now time.Time, window time.Duration) bool {
	return !signed.Before(now.Add(-window)) && !signed.After(now.Add(skew))
}

const (
	skew = 5 * time.Minute
	// Providers that don't say whether a later try is signed anew try for a day.
	retried = 25 * time.Hour
)
