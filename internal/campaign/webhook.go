package campaign

import "time"

// WebhookCount is how often a provider's webhook has told of a kind of event.
type WebhookCount struct {
	Provider string    `json:"provider"`
	Event    string    `json:"event"`    // the provider's word
	TakenAs  string    `json:"taken_as"` // bounce, complaint …; nothing, unknown, no_mail
	Count    int64     `json:"count"`
	At       time.Time `json:"last"`
}
