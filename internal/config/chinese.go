package config

// chinese is what README.zh.md says about the variables, by name: their values, and their meaning.
// Like the meanings in English it stands apart from the table, so that no function links it, and
// TestReadmeChinese holds the document to it.
var chinese = map[string]struct{ values, meaning string }{
	"WXPAY_API":           {"`v3`、`v2` 或 `wxcloudrun`", "调用没有用 `api` 指定时所用的协议。`wxcloudrun` 是微信云托管容器内的私有链路。"},
	"WXPAY_REGION":        {"`cn`、`global` 或 `hk`", "商户所在地：中国内地、其他地区，或使用旧接口的香港。"},
	"WXPAY_MODE":          {"`direct` 或 `partner`", "商户关闭自己的订单，或服务商关闭其子商户的订单。未设置时：设置了 `WXPAY_SUB_MCHID` 则为 `partner`，否则为 `direct`。"},
	"WXPAY_APPID":         {"1 到 32 个字母和数字", "商户号绑定的 appid。登记订单时的 `openid` 是该 appid 下的用户，合单也用它关闭。"},
	"WXPAY_MCHID":         {"1 到 32 位数字，境外也可有字母", "自己的商户号：服务商模式下为服务商的商户号。"},
	"WXPAY_SUB_MCHID":     {"1 到 32 位数字，境外也可有字母", "服务商的调用没有指明时所用的子商户。"},
	"WXPAY_SUB_APPID":     {"1 到 32 个字母和数字", "服务商的调用没有指明时所用的子商户 appid（仅 APIv2）。"},
	"WXPAY_SUB_MCHIDS":    {"以逗号分隔的商户号", "服务商的调用只能指这些子商户；未设置时不限。"},
	"WXPAY_APPIDS":        {"以逗号分隔的 appid", "`paynotify` 只写入这些 appid 的支付（通知中有 appid 时）；未设置时不限。"},
	"WXPAY_V2_KEY":        {"32 个字母和数字，保密", "APIv2 密钥。不是 APIv3 密钥，两者长度相同。"},
	"WXPAY_V2_SIGN_TYPE":  {"`MD5` 或 `HMAC-SHA256`", "APIv2 的签名方式。"},
	"WXPAY_SERIAL_NO":     {"最多 40 位十六进制数字", "商户 API 证书的序列号。"},
	"WXPAY_PRIVATE_KEY":   {"PEM、PEM 的 base64 或文件路径，保密", "商户私钥，即 `apiclient_key.pem`。"},
	"WXPAY_PUBLIC_KEY_ID": {"`PUB_KEY_ID_…`", "微信支付公钥的 ID。"},
	"WXPAY_PUBLIC_KEY":    {"PEM、PEM 的 base64 或文件路径", "微信支付公钥，即 `pub_key.pem`。"},
	"WXPAY_V3_KEY":        {"32 个字母和数字，保密", "APIv3 密钥，供应答由平台证书签名的商户使用：用它下载证书。同时设置了公钥时两者都接受，适用于微信支付切换商户期间。"},
	"WXPAY_CERT_ROOTS":    {"PEM、PEM 的 base64 或文件路径", "平台证书必须能链接到的证书。未设置时，因为它们以 APIv3 密钥加密而被信任。"},
	"WXPAY_BASE_URL": {
		"不带路径的地址",
		"微信支付的地址：`https`，主机为环回地址时可为 `http`。未设置时为该地区的地址：`https://api.mch.weixin.qq.com`，`global` 为 `https://apihk.mch.weixin.qq.com`。",
	},
	"WXPAY_BACKUP_URL":   {"不带路径的地址", "上述地址无法访问时的地址。两者都未设置时为该地区的另一个：`https://api2.mch.weixin.qq.com`，`global` 和 `hk` 互为备用。"},
	"WXPAY_CLOUDRUN_URL": {"不带路径的地址", "`wxcloudrun` 所用私有链路的地址。"},
	"WXPAY_ROUTE": {
		"`own` 或 `foreign`",
		"TLS 是否终止于微信支付自己的主机。未设置时：地址是该地区的地址、使用 `https` 且用系统根证书（`SSL_CERT_FILE` 和 `SSL_CERT_DIR` 都未设置）则为 `own`，否则为 `foreign`。`own` 可声明任何地址" +
			"；使用明文 `http` 时该地址必须是环回地址，供模拟器使用。在 foreign 路径上，每次关单和每次拒绝都由指明订单的查单决定，`ORDERNOTEXIST` 为 `unknown`。",
	},
	"WXPAY_CONFIRM_CLOSE": {"`0` 或 `1`", "`1` 表示微信支付接受关单，或以已关闭、已支付拒绝之后，再查询订单。"},
	"CLOUDPAY_CALLER_POLICY": {
		"`platform` 或 `any`",
		"哪些调用方无需证明身份。未设置时：没有。`platform`：直接调用和队列，适用于只有平台的访问管理能到达函数的情况。`any`：任何人都可关单和查单，适用于自己做检查的系统。",
	},
	"CLOUDPAY_SERVICE_TOKEN": {
		"16 到 256 个可打印 ASCII 字符，不含空格，或以空格分隔的两个这样的值，保密",
		"证明你自己的服务和队列的身份，作为参数 `service_token`，通过 HTTP 时为请求头 `Cloudpay-Service-Token`；它们可以做一切。有两个值时任一个都接受，以下各项也是如此。",
	},
	"CLOUDPAY_HTTP_TOKEN": {"16 到 256 个可打印 ASCII 字符，不含空格，或以空格分隔的两个这样的值，保密", "证明 HTTP 调用方的身份，写作 `Authorization: Bearer …`。"},
	"CLOUDPAY_TIMER_TOKEN": {
		"16 到 256 个可打印 ASCII 字符，不含空格，或以空格分隔的两个这样的值，保密",
		"在平台不说明是定时器时证明定时器的身份：其触发器的 `Message` 为该令牌；在 `web` 的 `/sweep` 以 `Authorization: Bearer …` 发送。",
	},
	"CLOUDPAY_HTTP_AUTHORIZER": {"`CLAIM=VALUE`", "API 网关授权方的声明，没有上述令牌的 HTTP 调用方以此证明身份。"},
	"CLOUDPAY_BEHIND_WX_GATEWAY": {
		"`0` 或 `1`",
		"`1` 相信请求头 `X-WX-OPENID` 和 `X-WX-APPID`。只适用于除微信网关外谁都无法到达的 HTTP 函数和容器：其他任何调用方都能伪造它们。带有其他入口痕迹的请求不被相信。",
	},
	"CLOUDPAY_WX_HOSTS":          {"以逗号分隔的主机名", "微信网关访问函数所用的全部主机名：`Host` 为其他名称时不相信那两个请求头。未设置时不限。"},
	"CLOUDPAY_CLOUDBASE_CONTEXT": {"`0` 或 `1`", "`1` 相信请求头 `x-cloudbase-context`。只适用于到达函数的每条路都是云开发 HTTP 访问服务中设置了 `enableAuth` 的路由：它没有签名。"},
	"CLOUDPAY_LOGIN_ENV":         {"最多 63 个小写字母、数字和连字符", "其登录用户可以通过 HTTP 调用的云开发环境，访问令牌写作 `Authorization: Bearer …`。未设置时：没有。"},
	"CLOUDPAY_LOGIN_REGION":      {"最多 63 个小写字母、数字和连字符", "该环境的地域，令牌的公钥从该地域的认证服务获取。未设置时：`ap-shanghai`。"},
	"CLOUDPAY_LOGIN_URL": {
		"不带路径的地址",
		"认证服务的地址，也是这时唯一的签发者：`https`，主机为环回地址时可为 `http`。未设置时：`https://ENV.REGION.tcb-api.tencentcloudapi.com`。",
	},
	"CLOUDPAY_LOGIN_WX_APPID": {"1 到 32 个字母和数字", "其用户以 openid 登录该环境的小程序：他们的订单就是以 `openid` 登记的订单。需要 `CLOUDPAY_LOGIN_PROVIDER`。"},
	"CLOUDPAY_LOGIN_PROVIDER": {"`CLAIM=VALUE`", "令牌中说明登录来自微信的声明及其值；句点进入对象内部。云开发没有记载它：请查看你自己的令牌。"},
	"CLOUDPAY_CORS_ORIGINS":   {"以逗号分隔的来源，或单独的 `*`", "其网页可以通过 HTTP 调用的来源，如 `https://shop.example`。未设置时没有。"},
	"CLOUDPAY_ROUTES": {
		"`closeorder`、`queryorder`、`paynotify`、`sweep`、`healthz`、`metrics`、`dropin`，以逗号分隔",
		"带有多个路由的函数 `web` 的路由；其他路径一律应答 404（docs/web.md）。不在默认值中的路由会放行各自的调用方：微信支付、定时器、采集程序、云开发模板的页面。",
	},
	"CLOUDPAY_STORE": {
		"`mysql://…`、`postgres://…` 或 `sqlite:PATH`，保密",
		"保存待关闭的订单、归属和结果的数据库：`//` 之后为 `USER:PASSWORD@HOST:PORT/DATABASE`。未设置时没有。`sqlite` 用于容器和试用，函数要以 `-tags sqlite` 编译。",
	},
	"CLOUDPAY_NOTIFY_URL": {
		"地址，保密",
		"以 POST 接收已登记订单的事件（docs/events.zh.md）：`https`，主机为环回地址时可为 `http`。未设置时事件只保存：`cloudpay orders events` 列出它们。",
	},
	"CLOUDPAY_NOTIFY_KEY": {
		"16 到 256 个可打印 ASCII 字符，不含空格，或以空格分隔的两个这样的值，保密",
		"为这些事件签名的密钥；设置 `CLOUDPAY_NOTIFY_URL` 时需要。`whsec_` 之后是 24 到 64 字节密钥的 base64。设置两个密钥时，新的在前，两个都签名。",
	},
	"CLOUDPAY_PAYNOTIFY_FORWARD_URL": {
		"地址，保密",
		"`paynotify` 把校验通过但无法写入的通知转发到这里（docs/paynotify.md）：`https`，主机为环回地址时可为 `http`。未设置时让微信支付再次通知。",
	},
	"CLOUDPAY_NOTIFY_CONCURRENCY": {"1 到 64", "一次扫描同时向接收方投递的最多事件数。未设置时：与 `CLOUDPAY_SWEEP_CONCURRENCY` 未设置时相同，但最多 64。"},
	"CLOUDPAY_PRUNE_AFTER": {
		"`30d` 到 `36500d`",
		"已登记订单在结束后保留多久。之后 `closeorder` 的定时器在扫描的剩余时间里删除它们，不归档；事件尚未全部确认的订单保留。未设置时永久保留：`cloudpay orders prune` 归档并删除它们（docs/databases.md）。",
	},
	"CLOUDPAY_SWEEP_FIRST":       {"`query` 或 `close`", "扫描对到期订单先做什么。`close` 为每个未支付的订单节省一次调用。"},
	"CLOUDPAY_SWEEP_CONCURRENCY": {"1 到 1000", "一次扫描同时处理的最多订单数。未设置时：函数内存 MB 数的四分之一，8 到 128；平台不说明内存时为 16。"},
	"CLOUDPAY_SWEEP_PER_SECOND":  {"0.1 到 10000", "所有扫描合计以该商户名义每秒最多的调用数。微信支付应答请求过多时下降，之后回升。"},
	"CLOUDPAY_SWEEP_ATTEMPTS":    {"1 到 100", "多少次尝试后放弃订单，交由人工查看。间隔从一分钟增加到六小时；十二次尝试需要二十小时。"},
	"CLOUDPAY_METRICS": {
		"`emf`",
		"`emf`：定时器的日志行在顶层带有各项数字，腾讯云 CLS 的告警规则从那里读取，并声明为 CloudWatch 的指标（Embedded Metric Format）；见 [alarms.md](docs/alarms.md)。",
	},
	"CLOUDPAY_METRICS_TOKEN": {
		"16 到 256 个可打印 ASCII 字符，不含空格，或以空格分隔的两个这样的值，保密",
		"证明采集容器 `GET /metrics` 的程序的身份（`Authorization: Bearer`），该路径以 Prometheus 文本格式给出同样的数字。没有它就没有该路径。",
	},
	"CLOUDPAY_LOG_LEVEL": {"`debug`、`info`、`warn` 或 `error`", "写入日志的最低级别。"},
	"CLOUDPAY_CONFIG_FAULTS": {
		"`answer` 或 `exit`",
		"配置有误的函数在把问题写入日志之后怎么做：以 `CONFIG_ERROR` 应答每次调用，或以退出码 1 结束。未设置时：容器中为 `exit`，使发布停止；SCF、云开发和 Lambda 上为 `answer`。",
	},
	"CLOUDPAY_LISTEN_HOST":    {"IP 地址", "Go1 运行时和 Web 服务器监听的地址；未设置时监听所有网络接口。模拟器设为 `127.0.0.1`。"},
	"CLOUDPAY_EMULATOR_CLOCK": {"文件路径", "供模拟器使用：它的时钟被拨快了多少，数据库的时钟随之变化。使用本机之外的任何微信支付时，设置它是错误。"},
}
