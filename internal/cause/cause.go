// Package cause is the table of what goes wrong with signatures, replies and notifications of
// WeChat Pay: for each cause what it is, how to mend it, and what tells it from others that look
// alike.
//
// The emulated gateway's refusals, the diagnosis of a request, the command that explains one, and
// the documents are all worded from this table. It holds no code that recognises a cause: that is
// internal/diagnosis.
//
// # Rows
//
// An ID begins with its side: v3- and v2- for a request of the merchant, reply- for what the
// merchant verifies, notice- for a notification, pay-sign- for what a client is handed to pay with,
// account- for what an account is set to. It is never renamed: histories and scripts hold it.
//
// To add a cause, add a row to its side's list, teach internal/diagnosis to recognise it, name the
// message that a person sees of it in this package's messages, and run make generate: docs/why.md
// and its Chinese page are written from the table.
//
// A row's What is one clause, so that two can be joined by "and" where two mistakes were made at
// once. Its Remedy says what to write, in the words of the languages in which the mistake is made.
// Its Decides is for causes that leave the same trace: it names the step that tells them apart.
package cause

import (
	"slices"

	"cloudpay/internal/bilingual"
)

// ID names a cause. It is stable: programs branch on it, and the history of the emulated gateway
// keeps it.
type ID string

// Side is where a cause lies.
type Side string

// The sides, in the order of the table.
const (
	V3           Side = "v3"           // an APIv3 request
	V2           Side = "v2"           // an APIv2 document
	Reply        Side = "reply"        // a reply of WeChat Pay, as the merchant verifies it
	Notification Side = "notification" // a notification of WeChat Pay
	PaySign      Side = "paysign"      // what a client is handed to pay with
	Account      Side = "account"      // what the merchant's account is set to, or which fields it takes
)

// Cause is one row of the table.
type Cause struct {
	ID   ID
	Side Side
	// What went wrong, as a clause: it follows "the sign is wrong: " and its like.
	What bilingual.Text
	// Remedy is an instruction.
	Remedy bilingual.Text
	// Decides is what tells it from the other causes of the same message. It is empty where the
	// signature itself proves the cause.
	Decides bilingual.Text
}

// All returns the table: by side, and within one the likelier first.
func All() []Cause {
	var all []Cause
	for _, part := range []struct {
		side Side
		rows []Cause
	}{
		{V3, headersV3()}, {V3, messageV3()}, {V3, bodyV3()}, {V3, signatureV3()},
		{V2, keysV2()}, {V2, stringV2()}, {Reply, replies()}, {Notification, notifications()},
		{PaySign, paySignFields()}, {PaySign, paySignKeys()}, {PaySign, paySignTexts()}, {Account, accounts()},
	} {
		for _, row := range part.rows {
			row.Side = part.side
			all = append(all, row)
		}
	}
	return all
}

// rows is the table by its IDs.
var rows = func() map[ID]Cause {
	byID := make(map[ID]Cause)
	for _, row := range All() {
		byID[row.ID] = row
	}
	return byID
}()

// Of returns the row of an ID. ok is false if the table has none.
func Of(id ID) (row Cause, ok bool) {
	row, ok = rows[id]
	return row, ok
}

// IDs returns every ID of a side in the table's order; of all sides for an empty one.
func IDs(side Side) []ID {
	var ids []ID
	for _, row := range All() {
		if side == "" || row.Side == side {
			ids = append(ids, row.ID)
		}
	}
	return slices.Clip(ids)
}

// Message is a sentence that a person sees and searches for, with the causes that it can have.
type Message struct {
	// Text has … for the parts that vary.
	Text string
	// From is what prints it: WeChat Pay, or an SDK by its name.
	From string
	// IDs are the causes, the likeliest first.
	IDs []ID
}
