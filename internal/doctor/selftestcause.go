package doctor

import (
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// An answer that does not verify is examined as `cloudpay explain` examines one, with the keys that
// are held: a body that was written anew on the way, a header that was changed, a key under another
// name and the merchant's own key in WeChat Pay's place leave different traces, and a general "the
// key is wrong" would send an operator to the merchant console for each of them.

// diagnosis says why an answer does not verify.
func (t *selfTest) diagnosis(got answer) diagnosis.Diagnosis {
	keys := diagnosis.Keys{
		MchID: t.settings.MchID, Serial: t.key.Serial(), V2Key: t.settings.V2.Key.Reveal(), V3Key: t.settings.V3.Key.Reveal(),
		Now: t.now(),
	}
	if own := t.privateKey(); own != nil {
		keys.Merchant = &own.PublicKey
	}
	for _, key := range t.held {
		keys.Platform = append(keys.Platform, diagnosis.PlatformKey{Serial: key.ID, Key: key.Public})
	}
	return diagnosis.Reply(diagnosis.Response{Status: got.HTTPStatus, Header: got.Header, Body: got.Body}, keys)
}

// withCause adds the first cause that the answer proves, under its name in docs/why.md. Where the
// finding's own remedy is only the likeliest one, for a key that does not verify, that of the cause
// takes its place. A finding without a proved cause is left as it is: a candidate is a guess, and
// the finding has made one.
func (t *selfTest) withCause(f Finding, got answer) Finding {
	certain := t.diagnosis(got).Certain()
	if len(certain) == 0 {
		return f
	}
	row, known := cause.Of(certain[0].ID)
	if !known {
		return f
	}
	f.Found = bilingual.Sprintf("%s; the cause is %s: %s", "%s；原因为 %s：%s", f.Found, string(row.ID), oneLine(certain[0].Detail))
	if f.Remedy == t.remedy(order.V3, errcode.BadSignature) {
		f.Remedy = row.Remedy
	}
	return f
}

// oneLine is a text on one line: a detail quotes what came over the wire.
func oneLine(text bilingual.Text) bilingual.Text {
	return bilingual.New(strings.Join(strings.Fields(text.EN), " "), strings.Join(strings.Fields(text.ZH), " "))
}
