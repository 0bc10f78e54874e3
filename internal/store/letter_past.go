package store

import (
	"context"
	"fmt"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// pastDays are the spans, of days back, in which occurrences of a trigger are looked
// for that show who gets a campaign's mails: the first that has any. The longest
// holds a month, whatever its length.
var pastDays = []int{1, 7, 35}

// PastLetters are what mails of a campaign would be made of, at a moment, for up to n
// of the latest occurrences of its trigger before it: of customers whom mail of its
// topic may reach, one each, whether or not the campaign let them in.
func (s *Store) PastLetters(ctx context.Context, c *campaign.Campaign, at time.Time, n int) ([]campaign.Outgoing, error) {
	for _, days := range pastDays {
		found, err := s.eval.Candidates(ctx, s.reader(), c, audience.Window{From: at.AddDate(0, 0, -days), To: at})
		if err != nil {
			return nil, fmt.Errorf("find occurrences of the last days: %w", err)
		}
		var latest []campaign.Candidate
		customers, seen, asked := []int64{}, map[int64]bool{}, "FALSE"
		for i := len(found) - 1; i >= 0 && len(latest) < n; i-- {
			if one := found[i]; !seen[one.Customer] {
				seen[one.Customer] = true
				latest, customers = append(latest, one), append(customers, one.Customer)
				if one.Asked {
					asked = "TRUE"
				}
			}
		}
		people, err := s.customersBy(ctx, `c.id IN `+s.ids("$1")+` AND `+reachableFor("CAST($2 AS TEXT)", "CAST($3 AS BIGINT)", asked)+` = ''`, array(customers), c.Topic, campaign.Micros(at))
		if err != nil {
			return nil, fmt.Errorf("read customers: %w", err)
		}
		if len(people) == 0 {
			continue
		}
		known := make(map[int64]campaign.Customer, len(people))
		for _, one := range people {
			known[one.ID] = one
		}
		return s.occasionLetters(ctx, c, at, latest, known)
	}
	return nil, nil
}
