"""Words of the report of a quarter or a year, Chinese and English, beside those of a statement."""

PERIOD_WORDS = (
    ("report.quarter", "虚拟电厂试点季度报告", "VPP pilot, quarterly report"),
    ("report.year", "虚拟电厂试点年度报告", "VPP pilot, yearly report"),
    ("period.running", "统计期未结束，数据截至目前", "The period still runs: figures so far"),
    ("period.over", "统计期已结束", "The period is over"),
    (
        "period.rule",
        "事件归入其开始时间（北京时间）所在的季度或年度，即使跨越季末；每份结算单只计最新版本一次。",
        (
            "An event belongs to the quarter or year in which it begins, by the clock of Shenzhen, also where it ends "
            "in the next; each statement counts once, in its newest revision."
        ),
    ),
    ("events", "响应事件", "Events"),
    ("state", "状态", "State"),
    ("state.published", "已发布", "published"),
    ("state.awarded", "已出清", "awarded"),
    ("state.notified", "已通知", "notified"),
    ("state.acknowledged", "已确认", "acknowledged"),
    ("state.ramping", "爬坡中", "ramping"),
    ("state.active", "进行中", "under way"),
    ("state.ending", "即将结束", "ending"),
    ("state.ended", "已结束", "ended"),
    ("state.baseline_computed", "基线已计算", "baseline computed"),
    ("state.evaluated", "已评估", "evaluated"),
    ("state.settled", "已结算", "settled"),
    ("state.disputed", "争议中", "disputed"),
    ("state.closed", "已关闭", "closed"),
    ("state.cancelled", "已取消", "cancelled"),
    ("state.superseded", "已被取代", "superseded"),
    ("target", "目标", "Target"),
    ("awarded", "中标", "Awarded"),
    ("delivered_mean", "平均响应功率", "Mean delivered"),
    ("promised", "承诺", "Promised"),
    ("verified", "其中已核实", "of it verified"),
    ("unverified_energy", "其中未核实", "of it unverified"),
    ("unsettled", "尚未结算", "Not settled yet"),
    ("rate", "响应完成率", "Response rate"),
    ("rate.none", "不可得：没有已核实的 15 分钟", "not known: no quarter hour is verified"),
    ("shaved", "削峰电量", "Energy shaved"),
    ("filled", "填谷电量", "Energy filled"),
    (
        "energies.why",
        (
            "承诺 = 已核实 + 未核实 + 尚未结算，均不含按时退出的部分；已取消或被取代且未结算的事件没有承诺。"
            "调节电量只含已核实的 15 分钟，反方向的扣除；概要中的削峰和填谷电量只含判定为完成或部分完成的 15 分钟。"
        ),
        (
            "Promised = verified + unverified + not settled yet, without what opted out in time; an event that was "
            "cancelled or superseded before it was settled promises nothing. Moved energy is that of verified quarter "
            "hours, less what went the other way; energy shaved and filled in the summary is that of quarter hours "
            "that were delivered, wholly or partly."
        ),
    ),
    (
        "mean.why",
        "平均响应功率只取所有资源均已核实的 15 分钟；没有时不填。",
        "Mean delivered power is that of the quarter hours in which every resource is verified; empty where none is.",
    ),
    (
        "rate.why",
        "响应完成率 = 调节电量 ÷ 已核实的承诺电量；没有已核实的 15 分钟时不填，不按零计。",
        "Response rate = moved energy / verified promise; where nothing is verified it is empty, not zero.",
    ),
    ("awarded_resources", "中标资源", "Awarded resources"),
    ("responded_resources", "已响应资源", "Responded"),
    ("responded_share", "响应率", "Share that responded"),
    (
        "responded.why",
        "判定为各次中标的 15 分钟个数。已响应：至少有一个 15 分钟完成或部分完成的资源。尚无结算单的事件不填。",
        (
            "Verdicts are quarter hours of awards. Responded: resources with at least one quarter hour that was "
            "delivered, wholly or partly. Empty for an event without a statement."
        ),
    ),
    ("money.events", "金额按事件", "Money by event"),
    ("money.operators", "金额按运营商", "Money by operator"),
    ("money.lines", "金额明细", "Money by line"),
    ("statements", "结算单", "Statements"),
    (
        "money.rule",
        "各表合计相同，等于统计期内各结算单最新版本之和。",
        "All tables have the same total: the sum of the newest revisions of the statements of the period.",
    ),
    ("funnel", "资源进展", "How far the resources have come"),
    ("part", "范围", "Part"),
    ("name", "名称", "Name"),
    ("kind.all", "全部", "all"),
    ("kind.park", "园区", "park"),
    ("kind.cluster", "产业集群", "cluster"),
    ("kind.transformer", "台区", "Transformer district"),
    ("stage.registered", "已注册", "Registered"),
    ("stage.tested", "已测试", "Tested"),
    ("stage.available", "可用", "Available"),
    ("stage.responded", "已响应", "Responded"),
    ("stage.settled", "已结算", "Settled"),
    ("available_up", "可用资源可削减", "Available: adjustable up"),
    ("available_down", "可用资源可增加", "Available: adjustable down"),
    (
        "funnel.day",
        "截至 {day} 的阶段；已响应和已结算只计本统计期的事件。",
        "Phases up to {day}; responded and settled in the events of the period.",
    ),
    (
        "funnel.why",
        "可用：已启用、合同有效、位置已知。已响应：在事件中全部或部分完成。园区计入提到它的每个产业集群。",
        (
            "Available: active, under a contract in force, at a place that is known. Responded: delivered in an event, "
            "wholly or partly. A park counts in each cluster that names it."
        ),
    ),
    (
        "revisions.why",
        "只列有多个版本的结算单；合计只计最新版本。",
        "Only statements with more than one revision; the newest one counts.",
    ),
    ("raised_at", "提出时间", "Raised"),
    ("last_step", "最近一步", "Last step"),
    ("raised_text", "提出内容", "What was raised"),
    ("last_text", "最近答复或裁定", "Last answer or decision"),
    ("revision_by", "由此产生的版本", "Revision from it"),
    ("forecasts", "预测准确度", "Forecast accuracy"),
    ("method", "方法", "Method"),
    ("issued", "发布时间", "Issued"),
    ("compared", "比对的 15 分钟数", "Quarter hours compared"),
    ("mae", "平均绝对误差", "MAE"),
    ("bias", "平均偏差", "Bias"),
    ("confidence", "可信度", "Confidence"),
    (
        "forecasts.why",
        (
            "统计期末（未结束则为目前）最近一次发布前七天的预测与计量之比较；预测保存 35 天。"
            "可信度：承诺能力的九成确实可用的 15 分钟占比。"
        ),
        (
            "Forecasts of the seven days before the last issue of the period, or before now, against what was metered; "
            "forecasts are kept for 35 days. Confidence: share of quarter hours in which nine tenths of the promised "
            "capability were there."
        ),
    ),
    ("baseline_accuracy", "基线准确度", "Baseline accuracy"),
    ("looked_at", "检验区间", "Looked at"),
    ("days_compared", "天数", "Days"),
    ("rrmse", "RRMSE", "RRMSE"),
    ("bias_share", "偏差", "Bias"),
    ("never_looked_at", "未检验", "never looked at"),
    (
        "baseline_accuracy.why",
        "本统计期中标且以相似日为基线的资源，按最近一次检验。",
        "Resources with a baseline of like days that were awarded in the period, as last looked at.",
    ),
    ("unknown", "无法得知的内容", "What is not known"),
    ("number", "个数", "Number"),
    ("meaning", "含义", "Meaning"),
    (
        "unknown.why",
        ("以上各项均不按零计。此外，本报告不能证明电表和网关如实读数（网关尚不签名），也不能证明账本以外没有遗漏。"),
        (
            "None of these is counted as zero. Nor does this report prove that meters and gateways told the truth "
            "(gateways do not sign yet), or that nothing was left out of the ledger."
        ),
    ),
    ("unknown.quarters", "未核实的资源 15 分钟", "Unverified quarter hours of resources"),
    (
        "unknown.quarters.why",
        "不知是否响应：不付款，也不考核。",
        "Nobody knows whether they responded: neither paid nor charged.",
    ),
    ("unknown.unproven", "位置不明的资源", "Resources whose place is not proven"),
    ("unknown.unproven.why", "不可中标。", "They are never awarded."),
    ("unknown.transformer", "台区不明的资源", "Resources whose transformer is not known"),
    ("unknown.transformer.why", "只计入园区和产业集群。", "They count in park and cluster only."),
    ("unknown.disputes", "未决争议", "Open disputes"),
    ("unknown.disputes.why", "金额可能变化。", "Money may still change."),
    ("unknown.forecast", "预测准确度", "Forecast accuracy"),
    ("unknown.forecast.why", "没有本统计期末的预测记录。", "No forecast of the end of this period is stored."),
)
