namespace Vrrp.Tests.Conformance.Reference;

/// <summary>What an operator can set beyond the RFC.</summary>
/// <param name="AdvertisementsToMiss"><c>down_timer_adverts</c>; the RFC has 3.</param>
/// <param name="PreemptDelay"><c>preempt_delay</c> in nanoseconds; 0 for none.</param>
/// <param name="AnswerLower">A Master answers a lower one at once, in either version; off with <c>lower_prio_no_advert</c>.</param>
/// <param name="AdvertiseBeforeYield"><c>higher_prio_send_advert</c>.</param>
/// <param name="IsInGroup">Member of a sync group.</param>
internal sealed record FieldParameters(
    int AdvertisementsToMiss, long PreemptDelay, bool AnswerLower, bool AdvertiseBeforeYield, bool IsInGroup);

/// <summary>
/// The second layer: what the field and this product add to the table, as the documentation of each addition has it. Fault, the preempt
/// delay, sync groups, the hand-over, a Master that was stalled, a timer that moves with the priority.
/// </summary>
internal sealed class FieldRouter(RfcParameters parameters, FieldParameters field) : RfcRouter(parameters)
{
    private const long HundredMilliseconds = 100_000_000;

    private long? _holdUntil;
    private long? _handOverUntil;
    private bool _isSuspect;

    public FieldParameters Field { get; set; } = field;

    /// <summary>Fault: the table's Initialize, left by itself when no fault holds any more.</summary>
    public bool IsInFault { get; private set; }

    public bool HasFaults { get; private set; }

    public bool WantsMaster { get; private set; }

    public bool IsHandingOver => _handOverUntil is not null;

    public override long? Deadline => _handOverUntil ?? base.Deadline;

    protected override int AdvertisementsToMiss => Field.AdvertisementsToMiss;

    public override void Startup(long now)
    {
        // One that still answers for its successor has not left yet.
        if (State != RfcState.Initialize || IsInFault || IsHandingOver)
            return;
        Begin(now);
    }

    public override void Shutdown() => Shutdown(0, handOver: false);

    public void Shutdown(long now, bool handOver)
    {
        if (IsHandingOver)
        {
            if (!handOver)
                Release();
            return;
        }

        if (State == RfcState.Master && handOver)
        {
            StopAnnouncing();
            SendAdvertisement(0);
            AdverTimer = null;
            State = RfcState.Initialize;
            long interval = AdvertisementInterval;
            long longestSkew = 255 * (Parameters.Version == RfcVersion.Rfc3768 ? Second : interval) / 256;
            _handOverUntil = now + longestSkew + Math.Clamp(interval, 5 * HundredMilliseconds, 20 * HundredMilliseconds);
        }
        else
        {
            base.Shutdown();
        }

        IsInFault = false;
        Forget();
    }

    public override void Clock(long now)
    {
        if (IsHandingOver)
        {
            if (now >= _handOverUntil)
                Release();
            return;
        }

        base.Clock(now);
    }

    public override void Advertisement(long now, int priority, UInt128 source, int interval)
    {
        if (IsHandingOver)
        {
            // The successor is there.
            if (priority != 0)
                _handOverUntil = Math.Min(_handOverUntil!.Value, now + Math.Clamp(AdvertisementInterval / 4, Centisecond, HundredMilliseconds));
            return;
        }

        // Whoever is not lower ends the hold before a preemption, whether there will be one or not.
        if (State == RfcState.Backup && priority >= Parameters.Priority)
            _holdUntil = null;
        base.Advertisement(now, priority, source, interval);
        // A member that heard a Master, or one leave, is not ready any more.
        if (MasterDownTimer is not null)
            WantsMaster = false;
    }

    public void Faults(long now, bool any)
    {
        if (State == RfcState.Initialize && !IsInFault)
        {
            HasFaults = any;
            if (any && IsHandingOver)
                Release();
            return;
        }

        if (IsInFault)
        {
            HasFaults = any;
            if (!any)
                Begin(now);
            return;
        }

        HasFaults = any;
        if (!any)
            return;
        base.Shutdown();
        Forget();
        IsInFault = true;
    }

    /// <summary>A running Master_Down_Timer moves by what the new skew differs from the old.</summary>
    public void ChangePriority(int priority)
    {
        long before = SkewTime;
        Change(Parameters with { Priority = priority });
        if (State == RfcState.Backup)
            MasterDownTimer += SkewTime - before;
    }

    /// <summary>The address is put back and told again, as at a takeover.</summary>
    public void AddressLost(long now)
    {
        if (State == RfcState.Master)
            TakeOver(now);
    }

    public void Stalled() => _isSuspect |= State == RfcState.Master;

    public void GroupBecomesMaster(long now)
    {
        if (State == RfcState.Backup)
            TakeOver(now);
    }

    public void GroupBecomesBackup(long now)
    {
        if (State != RfcState.Master)
            return;
        AdverTimer = null;
        StopAnnouncing();
        AddressesOff();
        MasterDownTimer = now + MasterDownInterval;
        State = RfcState.Backup;
        Forget();
    }

    protected override void BackupMasterDownTimerFires(long now)
    {
        if (Field.IsInGroup)
        {
            WantsMaster = true;
            MasterDownTimer = null;
            return;
        }

        base.BackupMasterDownTimerFires(now);
        Forget();
    }

    protected override void BackupHearsLower(long now, int interval)
    {
        // An owner waits for nobody.
        if (Field.PreemptDelay == 0 || Parameters.Priority == 255)
        {
            _holdUntil = null;
            return;
        }

        // VR-077: a delay that was shortened counts from the next advertisement.
        _holdUntil = Math.Min(_holdUntil ?? long.MaxValue, now + Field.PreemptDelay);
        if (now < _holdUntil)
            Accept(now, interval);
    }

    protected override void MasterAdverTimerFires(long now)
    {
        base.MasterAdverTimerFires(now);
        _isSuspect = false;
    }

    protected override void MasterShutdown()
    {
        StopAnnouncing();
        base.MasterShutdown();
    }

    protected override void MasterHearsHigher(long now, int interval)
    {
        if (Field.AdvertiseBeforeYield)
            SendAdvertisement(Parameters.Priority);
        base.MasterHearsHigher(now, interval);
    }

    protected override void MasterHearsEqualFromHigherAddress(long now, int interval)
    {
        if (Field.AdvertiseBeforeYield)
            SendAdvertisement(Parameters.Priority);
        base.MasterHearsEqualFromHigherAddress(now, interval);
    }

    // One that does not know whether it is still Master reads on first: its own advertisement is overdue.
    protected override void MasterHearsZero(long now)
    {
        if (!_isSuspect)
            base.MasterHearsZero(now);
    }

    // Whoever was elected while this router did not run keeps the addresses for now, lower or not.
    protected override void MasterHearsLower(long now, int interval)
    {
        if (_isSuspect)
            Yield(now, interval);
        else
            Reassert();
    }

    protected override void MasterHearsEqualFromLowerAddress(long now, int interval) => MasterHearsLower(now, interval);

    protected override void Yield(long now, int interval)
    {
        StopAnnouncing();
        base.Yield(now, interval);
        Forget();
    }

    protected override void Reassert()
    {
        if (Field.AnswerLower)
            SendAdvertisement(Parameters.Priority);
        Outputs.Add(new(RfcOutputKind.AnnounceAgain));
    }

    private void Begin(long now)
    {
        Forget();
        IsInFault = HasFaults;
        if (HasFaults)
            return;
        // An owner too may be moved to Backup by its group before it heard anyone.
        Learn(Parameters.Interval);
        if (Parameters.Priority == 255 && Field.IsInGroup)
        {
            // Ready at once, but it goes with the others.
            State = RfcState.Backup;
            Accept(now, Parameters.Interval);
            MasterDownTimer = now;
            return;
        }

        base.Startup(now);
    }

    private void TakeOver(long now)
    {
        MasterDownTimer = null;
        AddressesOn();
        SendAdvertisement(Parameters.Priority);
        Announce();
        AdverTimer = now + AdvertisementInterval;
        if (State == RfcState.Backup)
            Forget();
        // What it has just said, others have heard: whoever was elected answers.
        _isSuspect = false;
        State = RfcState.Master;
    }

    private void Release()
    {
        _handOverUntil = null;
        AddressesOff();
    }

    private void Forget()
    {
        _holdUntil = null;
        WantsMaster = false;
        _isSuspect = false;
    }

    private void StopAnnouncing() => Outputs.Add(new(RfcOutputKind.StopAnnouncing));
}
