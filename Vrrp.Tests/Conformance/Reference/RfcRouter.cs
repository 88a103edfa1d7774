namespace Vrrp.Tests.Conformance.Reference;

/// <summary>The states of §6.4; Master is RFC 9568's Active.</summary>
internal enum RfcState
{
    Initialize,
    Backup,
    Master,
}

/// <summary>Which document a router follows.</summary>
internal enum RfcVersion
{
    Rfc3768,
    Rfc9568,
}

/// <summary>What a router does in one step, in its order.</summary>
internal enum RfcOutputKind
{
    AddressesOn,
    SendAdvertisement,
    Announce,
    AddressesOff,

    // Local policy that the table leaves open (VR-170, VR-172); the plain rows yield none of these.
    AnnounceAgain,
    StopAnnouncing,
}

/// <param name="Kind">What is done.</param>
/// <param name="Priority">Of an advertisement sent: the running one, or 0 on leaving.</param>
/// <param name="Interval">Of an advertisement sent, in centiseconds: always the router's own.</param>
internal readonly record struct RfcOutput(RfcOutputKind Kind, int Priority = 0, int Interval = 0)
{
    public override string ToString() => Kind == RfcOutputKind.SendAdvertisement ? $"adv({Priority}, {Interval} cs)" : Kind.ToString();
}

/// <summary>What an operator sets, as far as the transition table asks for it.</summary>
/// <param name="Version">v2 or v3.</param>
/// <param name="Priority">1 to 254, 255 for the owner of the addresses.</param>
/// <param name="Interval">Advertisement_Interval in centiseconds; a multiple of 100 for v2.</param>
/// <param name="Preempt">Preempt_Mode.</param>
/// <param name="OwnerListens">Erratum 8298: an owner takes part in the election. Without it an owner discards what it hears.</param>
/// <param name="Address">The primary address as an unsigned number.</param>
internal sealed record RfcParameters(RfcVersion Version, int Priority, int Interval, bool Preempt, bool OwnerListens, UInt128 Address);

/// <summary>
/// The transition table of RFC 3768 and RFC 9568 §6.4, one method a row, VR-080 to VR-096. Times are nanoseconds. The documents leave
/// rounding open; 1/256 of a centisecond is 39062.5 ns, and the half is dropped.
/// </summary>
internal class RfcRouter(RfcParameters parameters)
{
    public const long Centisecond = 10_000_000;
    public const long Second = 100 * Centisecond;

    /// <summary>What was done, in order, since it was emptied.</summary>
    public List<RfcOutput> Outputs { get; } = [];

    public RfcParameters Parameters { get; private set; } = parameters;

    public RfcState State { get; protected set; } = RfcState.Initialize;

    /// <summary>When Master_Down_Timer fires. It runs only in Backup.</summary>
    public long? MasterDownTimer { get; protected set; }

    /// <summary>When Adver_Timer fires. It runs only in Master.</summary>
    public long? AdverTimer { get; protected set; }

    /// <summary>Master_Adver_Interval in centiseconds; v3 only.</summary>
    public int LearnedInterval { get; private set; } = parameters.Interval;

    public virtual long? Deadline => State switch
    {
        RfcState.Backup => MasterDownTimer,
        RfcState.Master => AdverTimer,
        _ => null,
    };

    protected virtual int AdvertisementsToMiss => 3;

    // VR-055, VR-057.
    public long SkewTime => Parameters.Version == RfcVersion.Rfc3768
        ? (256 - Parameters.Priority) * Second / 256
        : (256 - Parameters.Priority) * (LearnedInterval * Centisecond) / 256;

    // VR-056, VR-058.
    public long MasterDownInterval => Parameters.Version == RfcVersion.Rfc3768
        ? (AdvertisementsToMiss * Parameters.Interval * Centisecond) + SkewTime
        : (AdvertisementsToMiss * LearnedInterval * Centisecond) + SkewTime;

    // VR-077: a change counts from the next timer start or advertisement.
    public void Change(RfcParameters changed) => Parameters = changed;

    public virtual void Startup(long now)
    {
        switch (State)
        {
            case RfcState.Initialize when Parameters.Priority == 255:
                InitializeStartupOwner(now);
                break;
            case RfcState.Initialize:
                InitializeStartup(now);
                break;
        }
    }

    public virtual void Shutdown()
    {
        switch (State)
        {
            case RfcState.Backup:
                BackupShutdown();
                break;
            case RfcState.Master:
                MasterShutdown();
                break;
        }
    }

    /// <summary>Somebody looks at the clock. A timer that is not due, or not running, does not fire (VR-097).</summary>
    public virtual void Clock(long now)
    {
        switch (State)
        {
            case RfcState.Backup when now >= MasterDownTimer:
                BackupMasterDownTimerFires(now);
                break;
            case RfcState.Master when now >= AdverTimer:
                MasterAdverTimerFires(now);
                break;
        }
    }

    /// <summary>An advertisement that has passed the checks of §7.1.</summary>
    public virtual void Advertisement(long now, int priority, UInt128 source, int interval)
    {
        // VR-101, VR-102, VR-134: version 3 alone has the erratum.
        bool ownerDiscards = Parameters.Version == RfcVersion.Rfc3768 || !Parameters.OwnerListens;
        if (Parameters.Priority == 255 && ownerDiscards)
            return;

        switch (State)
        {
            case RfcState.Initialize:
                // VR-082.
                break;

            case RfcState.Backup:
                if (priority == 0)
                    BackupHearsZero(now);
                // VR-100: an owner preempts whatever Preempt_Mode says.
                else if (!Parameters.Preempt && Parameters.Priority != 255)
                    BackupHearsAnyWithoutPreempt(now, interval);
                else if (priority >= Parameters.Priority)
                    BackupHearsNotLower(now, interval);
                else
                    BackupHearsLower(now, interval);
                break;

            case RfcState.Master:
                if (priority == 0)
                    MasterHearsZero(now);
                else if (priority > Parameters.Priority)
                    MasterHearsHigher(now, interval);
                else if (priority < Parameters.Priority)
                    MasterHearsLower(now, interval);
                else if (source > Parameters.Address)
                    MasterHearsEqualFromHigherAddress(now, interval);
                else if (source < Parameters.Address)
                    MasterHearsEqualFromLowerAddress(now, interval);
                else
                    MasterHearsItself();
                break;
        }
    }

    // VR-080, VR-100.
    private void InitializeStartupOwner(long now)
    {
        AddressesOn();
        SendAdvertisement(Parameters.Priority);
        Announce();
        AdverTimer = now + AdvertisementInterval;
        State = RfcState.Master;
    }

    // VR-081, VR-061.
    private void InitializeStartup(long now)
    {
        LearnedInterval = Parameters.Interval;
        MasterDownTimer = now + MasterDownInterval;
        State = RfcState.Backup;
    }

    // VR-083.
    private void BackupShutdown()
    {
        MasterDownTimer = null;
        State = RfcState.Initialize;
    }

    // VR-084, VR-103, VR-104.
    protected virtual void BackupMasterDownTimerFires(long now)
    {
        MasterDownTimer = null;
        AddressesOn();
        SendAdvertisement(Parameters.Priority);
        Announce();
        AdverTimer = now + AdvertisementInterval;
        State = RfcState.Master;
    }

    // VR-085, VR-068; VR-064: nothing is learned.
    private void BackupHearsZero(long now) => MasterDownTimer = now + SkewTime;

    // VR-086.
    private void BackupHearsAnyWithoutPreempt(long now, int interval) => Accept(now, interval);

    // VR-087.
    private void BackupHearsNotLower(long now, int interval) => Accept(now, interval);

    // VR-088: discarded, the timer runs on.
    protected virtual void BackupHearsLower(long now, int interval)
    {
    }

    // VR-089, VR-105.
    protected virtual void MasterShutdown()
    {
        AdverTimer = null;
        SendAdvertisement(0);
        AddressesOff();
        State = RfcState.Initialize;
    }

    // VR-090, VR-066; VR-074: counted from when it was due, unless that has passed too.
    protected virtual void MasterAdverTimerFires(long now)
    {
        SendAdvertisement(Parameters.Priority);
        long next = AdverTimer!.Value + AdvertisementInterval;
        AdverTimer = next > now ? next : now + AdvertisementInterval;
    }

    // VR-091.
    protected virtual void MasterHearsZero(long now)
    {
        SendAdvertisement(Parameters.Priority);
        AdverTimer = now + AdvertisementInterval;
    }

    // VR-092, VR-065, VR-098.
    protected virtual void MasterHearsHigher(long now, int interval) => Yield(now, interval);

    // VR-093.
    protected virtual void MasterHearsEqualFromHigherAddress(long now, int interval) => Yield(now, interval);

    // VR-094: RFC 3768 only discards.
    protected virtual void MasterHearsLower(long now, int interval) => Reassert();

    // VR-095.
    protected virtual void MasterHearsEqualFromLowerAddress(long now, int interval) => Reassert();

    // VR-096: an answer could loop for ever.
    private static void MasterHearsItself()
    {
    }

    protected virtual void Yield(long now, int interval)
    {
        AdverTimer = null;
        AddressesOff();
        Accept(now, interval);
        State = RfcState.Backup;
    }

    protected virtual void Reassert()
    {
        if (Parameters.Version == RfcVersion.Rfc9568)
            SendAdvertisement(Parameters.Priority);
    }

    protected void Accept(long now, int interval)
    {
        Learn(interval);
        MasterDownTimer = now + MasterDownInterval;
    }

    // VR-062; VR-067: v2 learns nothing.
    protected void Learn(int interval)
    {
        if (Parameters.Version == RfcVersion.Rfc9568)
            LearnedInterval = interval;
    }

    protected long AdvertisementInterval => Parameters.Interval * Centisecond;

    protected void AddressesOn() => Outputs.Add(new(RfcOutputKind.AddressesOn));

    protected void AddressesOff() => Outputs.Add(new(RfcOutputKind.AddressesOff));

    protected void Announce() => Outputs.Add(new(RfcOutputKind.Announce));

    protected void SendAdvertisement(int priority) => Outputs.Add(new(RfcOutputKind.SendAdvertisement, priority, Parameters.Interval));

    /// <summary>VR-099: the octets of an address as one unsigned big-endian number.</summary>
    public static UInt128 AddressNumber(ReadOnlySpan<byte> octets)
    {
        UInt128 number = 0;
        foreach (byte octet in octets)
            number = (number << 8) | octet;
        return number;
    }
}
