package audience

import "tidings/internal/campaign"

// summand is what the number at the place `at` of event row alias adds to an
// aggregate over property, in whole millionths; null when it adds nothing. The
// place lies in the event's properties or in a line of a list of theirs. Amounts
// of money in another currency than the workspace's are left out.
func (b *builder) summand(alias, property string, at doc) (string, error) {
	value := b.millionths(at)
	own := b.cat.Workspace.Currency
	if own == "" || !storable(own) || !campaign.IsMoney(property) {
		return value, nil
	}
	currency := doc{alias + ".properties", []string{"currency"}}
	kind := b.kind(currency)
	return "CASE WHEN (" + kind + " IS NULL OR " + kind + " = 'null' OR " + sure("("+b.jsonSubject(currency).text+") = "+b.text(own)) + ") THEN " + value + " END", nil
}
