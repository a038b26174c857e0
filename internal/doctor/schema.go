package doctor

import (
	"context"

	"cloudpay/internal/bilingual"
)

// checkSchema compares the step of the database's schema with this version's. Functions of a
// version that does not fit refuse every order.
func checkSchema(ctx context.Context, e *examination) []Finding {
	if e.app == nil || e.app.Store == nil {
		return nil
	}
	f := schemaCheck.about("CLOUDPAY_STORE")
	if e.Offline {
		return []Finding{f.skipped(bilingual.New("not asked, for --offline", "未检查（--offline）"))}
	}
	ctx, cancel := context.WithTimeout(ctx, maxClock)
	defer cancel()
	c, err := e.app.Store.Compatibility(ctx)
	switch {
	case err != nil:
		return []Finding{f.skipped(bilingual.Sprintf("not known: %s", "无法得知：%s", bilingual.Wording(err)))}
	case c.Fault() != (bilingual.Text{}):
		return []Finding{f.fault(c.Wording(), c.Fault())}
	}
	return []Finding{f.fine(c.Wording())}
}
