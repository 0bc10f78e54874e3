package audience

import (
	"strconv"
	"time"

	"tidings/internal/campaign"
)

// CustomerRef names a customer in occurrence keys: by the shop's id, or by ours
// while it is anonymous.
func CustomerRef(id int64, external string) string {
	if external != "" {
		return external
	}
	return "#" + strconv.FormatInt(id, 10)
}

// InactivityKey is the occurrence key of a customer's inactivity since anchor.
// A merge of two customers re-keys their passes with it.
func InactivityKey(ref string, anchor time.Time) string {
	return ref + "@" + strconv.FormatInt(campaign.Micros(anchor), 10)
}

// ScheduleKey is the occurrence key of a schedule's moment, in local time as
// campaign.LocalTime prints it, for a customer.
func ScheduleKey(local, ref string) string { return local + "@" + ref }

// ProductKey is the occurrence key of a fact of the catalogue, known by its uid,
// for a customer.
func ProductKey(uid, ref string) string { return uid + "@" + ref }
