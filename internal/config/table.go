package config

import (
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// need is when a variable must be set.
type need int

const (
	// never: it may always be left out.
	never need = iota
	// always: there is no default.
	always
	// forV2 and forV3: if the dialect is the default, or has another credential.
	forV2
	forV3
	// forPublicKey: for APIv3 without platform certificates; id and key together.
	forPublicKey
)

// fileForm is what the file of a variable may hold.
type fileForm int

const (
	// notInFile: the variable is not read from files.
	notInFile fileForm = iota
	// textInFile: the value itself.
	textInFile
	// pemInFile: PEM, or base64 of it, but not another path.
	pemInFile
)

// variable is one row of the table: what the README says about a variable, beside its meaning, and
// how its value is read.
type variable struct {
	name string
	// values are the accepted values, as the README's table prints them.
	values string
	needed need
	// neededToo is another purpose that needs the variable, for the README's table. Without the
	// variable that purpose is refused when a call asks for it; the configuration has no fault.
	neededToo string
	// credentialOf is the dialect that the variable is a credential of. Setting one credential
	// requires all the others of that dialect.
	credentialOf order.API
	// initial is the default, which is read like a value; empty: there is none.
	initial string
	inFile  fileForm
	// remedy is for faults without a remedy of their own.
	remedy bilingual.Text
	// read checks a value, which is not empty, and stores it. It may store a value that it refuses:
	// further checks then find more faults.
	read func(c *Config, value string) *Fault
}

// Names of variables that rules between variables mention.
const (
	nameAPI          = "WXPAY_API"
	nameMode         = "WXPAY_MODE"
	nameSubMchID     = "WXPAY_SUB_MCHID"
	nameSubAppID     = "WXPAY_SUB_APPID"
	nameSubMchIDs    = "WXPAY_SUB_MCHIDS"
	nameSerialNo     = "WXPAY_SERIAL_NO"
	namePublicKeyID  = "WXPAY_PUBLIC_KEY_ID"
	namePublicKey    = "WXPAY_PUBLIC_KEY"
	nameV2Key        = "WXPAY_V2_KEY"
	nameV3Key        = "WXPAY_V3_KEY"
	nameBaseURL      = "WXPAY_BASE_URL"
	nameBackupURL    = "WXPAY_BACKUP_URL"
	namePrivateKey   = "WXPAY_PRIVATE_KEY"
	nameServiceToken = "CLOUDPAY_SERVICE_TOKEN"
	nameHTTPToken    = "CLOUDPAY_HTTP_TOKEN"
	nameTimerToken   = "CLOUDPAY_TIMER_TOKEN"
	nameMetricsToken = "CLOUDPAY_METRICS_TOKEN"
	nameStore        = "CLOUDPAY_STORE"
	nameNotifyURL    = "CLOUDPAY_NOTIFY_URL"
	nameNotifyKey    = "CLOUDPAY_NOTIFY_KEY"
	nameAppIDs       = "WXPAY_APPIDS"
	nameForwardURL   = "CLOUDPAY_PAYNOTIFY_FORWARD_URL"

	nameEmulatorClock = "CLOUDPAY_EMULATOR_CLOCK"
)

// Texts of the README's column of values, and values with a meaning elsewhere.
const (
	valuesMchID = "1 to 32 digits, overseas letters too"
	valuesAppID = "1 to 32 letters and digits"
	valuesPEM   = "PEM, base64 of PEM, or a file's path"
	// valuesTokens are for tokens that can be rotated (docs/callers.md).
	valuesTokens = "16 to 256 printable ASCII characters without spaces, or two such values with a space between, secret"

	modePartner = "partner"

	// cloudRunURL is the one plain-HTTP address outside loopback: it exists inside WeChat's own
	// network only.
	cloudRunURL = "http://api.weixin.qq.com"
)

// Remedies of several variables.
var (
	remedyNotifyKey = bilingual.New("make one: echo whsec_$(openssl rand -base64 32)", "请生成：echo whsec_$(openssl rand -base64 32)")
	remedyToken     = bilingual.New("make one: openssl rand -hex 32", "请生成：openssl rand -hex 32")
	remedyAddress   = bilingual.New("give https://HOST or https://HOST:PORT and nothing after it",
		"请填 https://HOST 或 https://HOST:PORT，其后不含任何内容")
)

// variables is the table. WXPAY_API stands first because other rows depend on it.
var variables = []variable{
	// The merchant. The rows that others depend on come first: a row is read with the fields of the
	// rows before it.
	word(variable{
		name: nameAPI, initial: string(order.V3),
	}, func(c *Config, value string) { c.API = order.API(value) }, string(order.V3), string(order.V2), string(order.WXCloudRun)),
	word(variable{
		name: "WXPAY_REGION", initial: string(order.Mainland),
	}, func(c *Config, value string) { c.Region = order.Region(value) },
		string(order.Mainland), string(order.Global), string(order.HongKong)),
	word(variable{
		name: nameMode,
	}, func(*Config, string) {}, "direct", modePartner),
	{
		name: "WXPAY_APPID", values: valuesAppID, needed: forV2, neededToo: "to register by openid",
		remedy: bilingual.New("give the appid, for example wxd678efh567hg6787: APIv2 sends it with every call",
			"请填 appid，如 wxd678efh567hg6787：APIv2 每次调用都要发送"),
		read: alphanumeric(func(c *Config) *string { return &c.AppID }),
	},
	{
		name: "WXPAY_MCHID", values: valuesMchID, needed: always,
		remedy: bilingual.New("give the merchant number (商户号) of pay.weixin.qq.com, digits only", "请填商户平台的商户号，仅数字"),
		read:   merchantNumber(func(c *Config) *string { return &c.MchID }),
	},
	{
		name: nameSubMchID, values: valuesMchID,
		remedy: bilingual.New("give the sub-merchant's number, digits only", "请填子商户号，仅数字"),
		read:   merchantNumber(func(c *Config) *string { return &c.SubMchID }),
	},
	{
		name: nameSubAppID, values: valuesAppID,
		remedy: bilingual.New("give the sub-merchant's appid", "请填子商户的 appid"),
		read:   alphanumeric(func(c *Config) *string { return &c.SubAppID }),
	},
	{
		name: nameSubMchIDs, values: "merchant numbers with commas between",
		remedy: bilingual.New("give merchant numbers with commas between, for example 1900000109,1900000110",
			"请填商户号，以逗号分隔，如 1900000109,1900000110"),
		read: readSubMchIDs,
	},
	{
		name: nameAppIDs, values: "appids with commas between",
		remedy: bilingual.New("give appids with commas between, for example wxd678efh567hg6787,wx1234567890abcdef",
			"请填 appid，以逗号分隔，如 wxd678efh567hg6787,wx1234567890abcdef"),
		read: readAppIDs,
	},
	// Credentials. Those of one dialect are complete or absent; both dialects may be configured.
	{
		name: nameV2Key, values: "32 letters and digits, secret", needed: forV2, credentialOf: order.V2, inFile: textInFile,
		remedy: bilingual.New("give the APIv2 key (API密钥) of the merchant account", "请填商户平台的 APIv2 密钥（API密钥）"),
		read:   readV2Key,
	},
	word(variable{
		name: "WXPAY_V2_SIGN_TYPE", initial: "MD5",
	}, func(c *Config, value string) { c.V2.SignType = value }, "MD5", "HMAC-SHA256"),
	{
		name: nameSerialNo, values: "up to 40 hex digits", needed: forV3, credentialOf: order.V3,
		remedy: bilingual.New(
			"give the serial number of the merchant's API certificate (商户API证书): openssl x509 -in apiclient_cert.pem -noout -serial",
			"请填商户API证书的序列号：openssl x509 -in apiclient_cert.pem -noout -serial"),
		read: readSerialNo,
	},
	{
		name: namePrivateKey, values: valuesPEM + ", secret", needed: forV3, credentialOf: order.V3, inFile: pemInFile,
		remedy: bilingual.New("give apiclient_key.pem: its text, the base64 of its text, or its path",
			"请填 apiclient_key.pem 的内容、内容的 base64 或其路径"),
		read: readPrivateKey,
	},
	{
		name: namePublicKeyID, values: "`PUB_KEY_ID_…`", needed: forPublicKey, credentialOf: order.V3,
		remedy: bilingual.New("give the public key's id (微信支付公钥ID), which starts with PUB_KEY_ID_", "请填微信支付公钥ID，以 PUB_KEY_ID_ 开头"),
		read:   readPublicKeyID,
	},
	{
		name: namePublicKey, values: valuesPEM, needed: forPublicKey, credentialOf: order.V3, inFile: pemInFile,
		remedy: bilingual.New("give pub_key.pem: its text, the base64 of its text, or its path", "请填 pub_key.pem 的内容、内容的 base64 或其路径"),
		read:   readPublicKey,
	},
	{
		name: nameV3Key, values: "32 letters and digits, secret", credentialOf: order.V3, inFile: textInFile,
		remedy: bilingual.New("give the APIv3 key (APIv3密钥) of the merchant account", "请填商户平台的 APIv3密钥"),
		read:   readV3Key,
	},
	{
		name: "WXPAY_CERT_ROOTS", values: valuesPEM, inFile: pemInFile,
		remedy: bilingual.New("give certificates: their text, the base64 of it, or the path of a file of them", "请填证书的内容、内容的 base64 或证书文件的路径"),
		read:   readRoots,
	},
	// The way to WeChat Pay. The defaults are not in the table, because they depend on the region.
	{
		name: nameBaseURL, values: "an address without a path",
		remedy: remedyAddress,
		read:   readAddress(func(c *Config) *string { return &c.BaseURL }),
	},
	{
		name: nameBackupURL, values: "an address without a path",
		remedy: remedyAddress,
		read:   readAddress(func(c *Config) *string { return &c.BackupURL }),
	},
	{
		name: "WXPAY_CLOUDRUN_URL", values: "an address without a path", initial: cloudRunURL,
		remedy: bilingual.Sprintf("leave it out in WeChat cloud hosting; elsewhere %s", "在微信云托管中请去掉；其他环境%s", remedyAddress),
		read:   readCloudRunURL,
	},
	word(variable{
		name: "WXPAY_ROUTE",
		remedy: bilingual.New("give own if nothing on the way to WeChat Pay ends TLS, foreign if something does, or leave it out",
			"若到微信支付的途中没有设备解密 TLS，请填 own；若有，请填 foreign；或去掉该变量"),
	}, func(c *Config, value string) { c.Route = order.Route(value) }, string(order.RouteOwn), string(order.RouteForeign)),
	word(variable{
		name: "WXPAY_CONFIRM_CLOSE", initial: "0",
	}, func(c *Config, value string) { c.ConfirmClose = value == "1" }, "0", "1"),
	// Callers (docs/callers.md). Users of CloudBase and timers need none of these rows.
	word(variable{
		name: "CLOUDPAY_CALLER_POLICY",
		remedy: bilingual.New(
			"give platform if only the platform's access management can reach the function, any if you do your own checks,"+
				" or leave it out",
			"若只有平台访问管理能访问函数请填 platform，若自行鉴权请填 any，否则不设置"),
	}, func(c *Config, value string) { c.CallerPolicy = value }, "platform", "any"),
	{
		name: nameServiceToken, values: valuesTokens, inFile: textInFile,
		remedy: remedyToken,
		read:   tokens(func(c *Config) *[]Secret { return &c.ServiceTokens }),
	},
	{
		name: nameHTTPToken, values: valuesTokens, inFile: textInFile,
		remedy: remedyToken,
		read:   tokens(func(c *Config) *[]Secret { return &c.HTTPTokens }),
	},
	{
		name: nameTimerToken, values: valuesTokens, inFile: textInFile,
		remedy: remedyToken,
		read:   tokens(func(c *Config) *[]Secret { return &c.TimerTokens }),
	},
	{
		name: "CLOUDPAY_HTTP_AUTHORIZER", values: "`CLAIM=VALUE`",
		remedy: bilingual.New("give CLAIM=VALUE, for example cognito:groups=operators", "请填 CLAIM=VALUE，如 cognito:groups=operators"),
		read:   claimIs(func(c *Config) *Authorizer { return &c.HTTPAuthorizer }),
	},
	word(variable{
		name: nameBehindWXGateway, initial: "0",
	}, func(c *Config, value string) { c.BehindWXGateway = value == "1" }, "0", "1"),
	{
		name: nameWXHosts, values: "host names with commas between",
		remedy: bilingual.New("give host names without a port, with commas between, or leave it out", "请填不带端口的主机名，以逗号分隔，或不设置"),
		read:   readHosts,
	},
	word(variable{
		name: nameCloudBaseContext, initial: "0",
	}, func(c *Config, value string) { c.CloudBaseContext = value == "1" }, "0", "1"),
	{
		name: nameLoginEnv, values: "up to 63 small letters, digits and hyphens",
		remedy: bilingual.New("give the environment's id, for example shop-1a2b", "请填环境 ID，如 shop-1a2b"),
		read:   readLabel(func(c *Config) *string { return &c.Login.Env }),
	},
	{
		name: nameLoginRegion, values: "up to 63 small letters, digits and hyphens",
		remedy: bilingual.New("give the region, for example ap-guangzhou, or leave it out", "请填地域，如 ap-guangzhou，或不设置"),
		read:   readLabel(func(c *Config) *string { return &c.Login.Region }),
	},
	{
		name: nameLoginURL, values: "an address without a path",
		remedy: remedyAddress,
		read:   readAddress(func(c *Config) *string { return &c.Login.URL }),
	},
	{
		name: nameLoginWXAppID, values: valuesAppID,
		remedy: bilingual.New("give the mini-program's appid, or leave it out", "请填小程序的 appid，或不设置"),
		read:   alphanumeric(func(c *Config) *string { return &c.Login.WXAppID }),
	},
	{
		name: nameLoginProvider, values: "`CLAIM=VALUE`",
		remedy: bilingual.New("give CLAIM=VALUE as a token of yours has it, or leave it out", "请按自己的令牌填 CLAIM=VALUE，或不设置"),
		read:   claimIs(func(c *Config) *Authorizer { return &c.Login.Provider }),
	},
	{
		name: "CLOUDPAY_CORS_ORIGINS", values: "origins with commas between, or `*` alone",
		remedy: bilingual.New(
			"give origins as browsers send them, with commas between: https://shop.example,https://shop.example:8443; or * alone",
			"请按浏览器发送的形式填写来源，以逗号分隔：https://shop.example,https://shop.example:8443；或只填 *"),
		read: readOrigins,
	},
	{
		name: nameRoutes, values: "`" + strings.Join(routeNames, "`, `") + "`, with commas between", initial: initialRoutes,
		remedy: bilingual.New("give routes with commas between, for example paynotify,sweep,healthz", "请填路由，以逗号分隔，如 paynotify,sweep,healthz"),
		read:   readRoutes,
	},
	// The register of orders and its events.
	{
		name: nameStore, values: "`mysql://…`, `postgres://…` or `sqlite:PATH`, secret", inFile: textInFile,
		remedy: bilingual.New("give mysql://USER:PASSWORD@HOST:3306/DATABASE, postgres://USER:PASSWORD@HOST:5432/DATABASE or sqlite:/PATH",
			"请填 mysql://USER:PASSWORD@HOST:3306/DATABASE、postgres://USER:PASSWORD@HOST:5432/DATABASE 或 sqlite:/PATH"),
		read: readStore,
	},
	{
		name: nameNotifyURL, values: "an address, secret", inFile: textInFile,
		remedy: bilingual.New("give an address such as https://shop.example/cloudpay", "请填地址，如 https://shop.example/cloudpay"),
		read:   readNotifyURL,
	},
	{
		name: nameNotifyKey, values: valuesTokens, inFile: textInFile,
		remedy: remedyNotifyKey,
		read:   readNotifyKeys,
	},
	{
		name: nameForwardURL, values: "an address, secret", inFile: textInFile,
		remedy: bilingual.New("give an address such as https://shop.example/wechatpay, or leave it out",
			"请填地址，如 https://shop.example/wechatpay，或不设置"),
		read: readForwardURL,
	},
	{
		name: "CLOUDPAY_NOTIFY_CONCURRENCY", values: "1 to 64",
		remedy: bilingual.New("give a whole number from 1 to 64, or leave it out", "请填 1 至 64 的整数，或不设置"),
		read:   number(1, 64, func(c *Config) *int { return &c.NotifyConcurrency }),
	},
	{
		name: "CLOUDPAY_PRUNE_AFTER", values: "`30d` to `36500d`",
		remedy: bilingual.New("give a number of days such as 90d, or leave it out", "请填天数，如 90d，或不设置"),
		read:   readPruneAfter,
	},
	// Sweeps (docs/adr/0013-sweeping.md).
	word(variable{
		name: "CLOUDPAY_SWEEP_FIRST", initial: "query",
	}, func(c *Config, value string) { c.Sweep.CloseFirst = value == "close" }, "query", "close"),
	{
		name: "CLOUDPAY_SWEEP_CONCURRENCY", values: "1 to 1000",
		remedy: bilingual.New("give a whole number from 1 to 1000, or leave it out", "请填 1 至 1000 的整数，或不设置"),
		read:   number(1, 1000, func(c *Config) *int { return &c.Sweep.Concurrency }),
	},
	{
		name: "CLOUDPAY_SWEEP_PER_SECOND", values: "0.1 to 10000", initial: "300",
		remedy: bilingual.New("give a number from 0.1 to 10000", "请填 0.1 至 10000 之间的数"),
		read:   readPerSecond,
	},
	{
		name: "CLOUDPAY_SWEEP_ATTEMPTS", values: "1 to 100", initial: "12",
		remedy: bilingual.New("give a whole number from 1 to 100", "请填 1 至 100 的整数"),
		read:   number(1, 100, func(c *Config) *int { return &c.Sweep.MaxAttempts }),
	},
	// The process.
	word(variable{
		name: "CLOUDPAY_METRICS",
	}, func(c *Config, value string) { c.EMF = value == "emf" }, "emf"),
	{
		name: nameMetricsToken, values: valuesTokens, inFile: textInFile,
		remedy: remedyToken,
		read:   tokens(func(c *Config) *[]Secret { return &c.MetricsTokens }),
	},
	word(variable{
		name: "CLOUDPAY_LOG_LEVEL", initial: "info",
	}, func(c *Config, value string) { _ = c.LogLevel.UnmarshalText([]byte(value)) }, "debug", "info", "warn", "error"),
	word(variable{
		// Only checked here: internal/hosting reads it itself, because it is needed without a
		// Config.
		name: "CLOUDPAY_CONFIG_FAULTS",
	}, func(*Config, string) {}, "answer", "exit"),
	{
		// Only checked here: internal/hosting reads it itself, because it listens before there is a
		// Config.
		name: "CLOUDPAY_LISTEN_HOST", values: "an IP address",
		remedy: bilingual.New("give an IP address without a port, or leave it out", "请填不带端口的 IP 地址，或不设置"),
		read:   checkListenHost,
	},
	{
		name: nameEmulatorClock, values: "a file's path",
		remedy: bilingual.New("leave it out: only the emulator sets it", "请去掉此项：仅由模拟器设置"),
		read:   readEmulatorClock,
	},
}
