// Package explain says what is wrong with a request to WeChat Pay, a reply, a notification or an
// error text, from what a person has of it: [Read] takes a text for what it looks like, and
// [Explain] judges what was read by the keys that are there.
//
//	raw HTTP, curl -v, a command line of curl's   →  a request, a reply, a notification
//	XML, JSON                                      →  a document, a notification, a refusal
//	GET /requests, a line of our log               →  what the gateway or the function said of it
//	anything else                                  →  an error text, or an error code
//
// What is wrong with a signature is found by internal/diagnosis, and worded by internal/cause. The
// package prints nothing, opens no file and calls no network. Its results quote no key: of what was
// read they have addresses, codes, and the strings to sign, in which keys are redacted.
package explain

import (
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
	"cloudpay/internal/order/errcode"
)

// Verdict is what an [Answer] amounts to.
type Verdict string

// The verdicts.
const (
	// Fine: the signature holds, and nothing else is wrong.
	Fine Verdict = "fine"
	// Fault: something is wrong; Findings, Codes or Messages say what, or what it may be.
	Fault Verdict = "fault"
	// Unknown: nothing was found wrong, and nothing proved right.
	Unknown Verdict = "unknown"
)

// Answer explains one part of what was read.
type Answer struct {
	Part

	// API is "v3" or "v2"; empty: it is not known.
	API string
	// Title names it: method and address, status and code, or the code.
	Title string
	// Verdict is what all of the rest amounts to.
	Verdict Verdict
	// Findings are the causes, the one to mend first at the front.
	Findings []Finding
	// Expected is what should have been signed, and Signed what was; empty: not known. Keys in them
	// are redacted.
	Expected, Signed string
	// Codes are the error codes that it names, with what they mean.
	Codes []errcode.Code
	// Messages are the known texts that occur in it.
	Messages []cause.Message
	// Said is what the other side said in words of its own: the reason of a history's row, the text
	// of a refusal.
	Said string
	// Remarks are what else is worth knowing.
	Remarks []bilingual.Text
	// Unchecked is what could not be checked, and what it takes.
	Unchecked []bilingual.Text

	// answered is the reply to a request, and asked the request of a reply, where the text has
	// both.
	answered *diagnosis.Response
	asked    *Answer
	// judged says that the key was there which opens the signature.
	judged bool
}

// Finding is one cause.
type Finding struct {
	cause.Cause

	// Detail is what was seen of it; empty: nothing more than the cause says.
	Detail bilingual.Text
	// Certain says that the signature proves it. Else it is one of several that may be.
	Certain bool
}

// Explain explains each part of what was read. Keys that are not there are zero; what needs them is
// named in Unchecked.
func Explain(r Reading, keys diagnosis.Keys) []Answer {
	answers := make([]Answer, 0, len(r.Parts))
	for i := range r.Parts {
		a := Answer{Part: r.Parts[i], Verdict: Unknown}
		if i+1 < len(r.Parts) && a.Form == formRequest {
			a.answered = r.Parts[i+1].reply
		}
		if i > 0 && a.Form == formReply && r.Parts[i-1].request != nil {
			a.asked = &answers[i-1]
		}
		a.explain(keys)
		answers = append(answers, a)
	}
	return answers
}

// explain dispatches by the form.
func (a *Answer) explain(keys diagnosis.Keys) {
	switch a.Form {
	case formRequest:
		a.explainRequest(keys)
	case formReply:
		a.explainReply(keys)
	case formNotification:
		a.explainNotification(keys)
	case formDocument:
		a.API = "v2"
		a.Title = "XML"
		a.explainV2(a.document, keys)
	case formPayment:
		a.explainPayment(keys)
	case formExchange:
		a.explainRow()
	case formLogLine, formMessage, formCode:
		a.Title = a.code
		a.Said = a.said
		a.named(a.code, a.text)
		if a.Verdict == Unknown {
			a.remark("no message of WeChat Pay's or of an SDK's that is known is in it, nor a known error code",
				"其中没有已知的微信支付或 SDK 提示，也没有已知的错误码")
		}
	}
}

// take takes over a diagnosis.
func (a *Answer) take(d diagnosis.Diagnosis) {
	a.Expected, a.Signed = d.Expected, d.Signed
	for _, f := range d.Findings {
		a.find(f.ID, f.Detail, f.Certain)
	}
	switch {
	case d.Fine:
		a.Verdict = Fine
	case a.isProved(), len(d.Findings) > 0 && a.judged:
		a.Verdict = Fault
	}
}

// find adds a cause, unless it is there.
func (a *Answer) find(id cause.ID, detail bilingual.Text, certain bool) {
	known := func(f Finding) bool { return f.ID == id }
	row, ok := cause.Of(id)
	if !ok || slices.ContainsFunc(a.Findings, known) {
		return
	}
	a.Findings = append(a.Findings, Finding{Cause: row, Detail: detail, Certain: certain})
}

// remark adds what else is worth knowing.
func (a *Answer) remark(en, zh string, values ...any) {
	a.Remarks = append(a.Remarks, bilingual.Sprintf(en, zh, values...))
}

// unchecked says what could not be checked, and what it takes.
func (a *Answer) unchecked(en, zh string) {
	a.Unchecked = append(a.Unchecked, bilingual.New(en, zh))
}
