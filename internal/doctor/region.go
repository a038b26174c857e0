package doctor

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/pkg/v3json"
)

// gatewayDomain ends the names of all of WeChat Pay's hosts.
const gatewayDomain = ".weixin.qq.com"

// checkRegion compares the configured addresses with the configured region. An address of another
// domain, such as an emulator's or a proxy's, may be of any region.
func checkRegion(_ context.Context, e *examination) []Finding {
	if e.settings.API == order.WXCloudRun || e.faults.Has("WXPAY_REGION") {
		return nil
	}
	var findings []Finding
	for _, given := range []struct{ variable, address string }{
		{"WXPAY_BASE_URL", e.settings.BaseURL}, {"WXPAY_BACKUP_URL", e.settings.BackupURL},
	} {
		if u, err := url.Parse(given.address); err == nil && strings.HasSuffix(u.Hostname(), gatewayDomain) && !e.faults.Has(given.variable) {
			findings = append(findings, e.ofRegion(regionCheck.about(given.variable), u)...)
		}
	}
	return findings
}

// ofRegion judges one address of WeChat Pay's.
func (e *examination) ofRegion(f Finding, u *url.URL) []Finding {
	own := hostsOf(e.settings.Region)
	if slices.Contains(own, u.Hostname()) {
		return nil
	}
	// Hong Kong's own region has the hosts of both, so that it is not among these.
	for _, region := range []order.Region{order.Mainland, order.Global} {
		if slices.Contains(hostsOf(region), u.Hostname()) {
			return []Finding{f.fault(
				bilingual.Sprintf("is an address of region %s, and the region is %s", "是区域 %s 的地址，而配置的区域为 %s", region, e.settings.Region),
				bilingual.Sprintf("WXPAY_REGION=%s, if the merchant signed up there; else leave %s out", "若商户在该区域入驻，请设置 WXPAY_REGION=%s；否则请去掉 %s",
					region, f.Subject))}
		}
	}
	return []Finding{f.fault(bilingual.New("is no address of WeChat Pay's API", "不是微信支付 API 的地址"),
		bilingual.Sprintf("%s=https://%s, or leave it out", "设置 %s=https://%s，或去掉该设置", f.Subject, own[0]))}
}

// hostsOf are the names of a region's gateways.
func hostsOf(region order.Region) []string {
	kind := v3json.Region(region)
	if region == order.Mainland {
		kind = v3json.Mainland
	}
	main, backup := kind.Hosts()
	return []string{strings.TrimPrefix(main, "https://"), strings.TrimPrefix(backup, "https://")}
}
