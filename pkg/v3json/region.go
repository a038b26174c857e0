package v3json

// Region is the side of WeChat Pay that a merchant signed up with. It decides the paths, the host,
// and the name of WeChat Pay's order number in replies. An order exists in its own region only.
type Region string

const (
	// Mainland is mainland China, the zero value.
	Mainland Region = ""
	// Global is the overseas API, /v3/global.
	Global Region = "global"
	// HongKong is the overseas API's predecessor, /hk/v3, for merchants that were given nothing
	// newer. Whether it is still served is not known.
	HongKong Region = "hk"
)

const (
	mainlandBackupURL = "https://api2.mch.weixin.qq.com"
	overseasBaseURL   = "https://apihk.mch.weixin.qq.com"
)

// Hosts returns the region's gateways, each in the form of a BaseURL: main is what an empty BaseURL
// stands for, backup is for when main cannot be reached. A Region that is none of the constants has
// neither.
func (r Region) Hosts() (main, backup string) {
	switch r {
	case Mainland:
		return DefaultBaseURL, mainlandBackupURL
	case Global:
		return overseasBaseURL, DefaultBaseURL
	case HongKong:
		return DefaultBaseURL, overseasBaseURL
	}
	return "", ""
}

func (r Region) known() bool {
	switch r {
	case Mainland, Global, HongKong:
		return true
	}
	return false
}

// transactionsPath returns the beginning of the paths of closing and querying. Overseas it is the
// same for both modes, which differ in the numbers they send.
func (r Region) transactionsPath(partner bool) string {
	switch {
	case r == Global:
		return globalPath
	case r == HongKong:
		return hongKongPath
	case partner:
		return partnerPath
	}
	return directPath
}

// transactionKey returns the name that replies give WeChat Pay's order number.
func (r Region) transactionKey() string {
	if r == Mainland {
		return "transaction_id"
	}
	return "id"
}
