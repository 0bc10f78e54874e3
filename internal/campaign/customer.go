package campaign

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Event is a fact about a customer, as it comes in.
type Event struct {
	UID        string // the sender's id of it; dedupes
	Customer   Ref
	Name       string
	OccurredAt time.Time
	KnownAt    time.Time // when we learned of it; imports: OccurredAt
	Properties map[string]any
}

// Ref names a customer from outside: by the shop's id, or by an anonymous id
// until that is known.
type Ref struct{ ID, AnonymousID string }

// Traits are facts about a customer, as they come in.
type Traits struct {
	Customer   Ref
	At         time.Time // from when on they hold
	KnownAt    time.Time
	Attributes map[string]any // with email, locale, timezone, country among them
}

// Customer is a person as the last look and the templates see them.
type Customer struct {
	ID         int64  // ours, per store
	ExternalID string // the shop's
	Email      string
	Locale     string
	Timezone   string
	Attributes map[string]any
}

// NormalizeAddress is the form of an address that consent and suppression
// compare: no space around it, no letter case.
func NormalizeAddress(addr string) string {
	return strings.ToLower(strings.TrimSpace(addr))
}

// AddressHash stands for an address where the address itself must not be kept:
// SHA-256 of its normalised form, in hex.
func AddressHash(addr string) string {
	sum := sha256.Sum256([]byte(NormalizeAddress(addr)))
	return hex.EncodeToString(sum[:])
}
