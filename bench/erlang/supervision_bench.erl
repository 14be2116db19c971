%% The same measurements in Erlang/OTP: gen_servers under a simple_one_for_one supervisor.
%% Prints one line for each: a name, a space, a number.
-module(supervision_bench).
-behaviour(gen_server).
-export([main/0, start_link/1, init/1, handle_call/3, handle_cast/2]).

-define(MESSAGES, 200000).
-define(CHILDREN, 10000).
-define(MANY, 100000).
-define(RESTARTS, 3000).

main() ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    say("bang", median([bang() || _ <- lists:seq(1, 9)])),
    say("cast", median([cast() || _ <- lists:seq(1, 9)])),
    say("start", median([start() || _ <- lists:seq(1, 5)])),
    say("restart", restart()),
    say("storm", median([storm() || _ <- lists:seq(1, 3)])),
    say("memory", memory()),
    halt(0).

say(Name, Value) -> io:format("~s ~p~n", [Name, Value]).

%% CPU microseconds for each message to a bare process.
bang() ->
    Counter = spawn_link(fun() -> count(0) end),
    Micros = cpu(fun() -> send(Counter, ?MESSAGES), ask(Counter) end) / ?MESSAGES,
    stop(Counter),
    Micros.

count(Sum) ->
    receive
        {add, By} -> count(Sum + By);
        {ask, From} -> From ! {sum, Sum}, count(Sum)
    end.

send(_, 0) -> ok;
send(Counter, Left) -> Counter ! {add, Left band 1}, send(Counter, Left - 1).

ask(Counter) -> Counter ! {ask, self()}, receive {sum, _} -> ok end.

%% The same to a supervised gen_server.
cast() ->
    {Sup, [Server]} = up(1),
    Micros = cpu(fun() -> casts(Server, ?MESSAGES), gen_server:call(Server, sum, infinity) end) / ?MESSAGES,
    stop(Sup),
    Micros.

casts(_, 0) -> ok;
casts(Server, Left) -> gen_server:cast(Server, {add, Left band 1}), casts(Server, Left - 1).

%% CPU microseconds to start a child.
start() ->
    {ok, Sup} = supervisor:start_link(?MODULE, sup),
    Micros = cpu(fun() -> children(Sup, ?CHILDREN) end) / ?CHILDREN,
    stop(Sup),
    Micros.

%% Microseconds from the fatal message to the init of the next life: the median, one restart after the other.
restart() ->
    {ok, Sup} = supervisor:start_link(?MODULE, sup),
    {ok, First} = supervisor:start_child(Sup, [self()]),
    receive {up, First} -> ok end,
    Micros = restarts(First, ?RESTARTS, []),
    stop(Sup),
    median(Micros).

restarts(_, 0, Micros) -> Micros;
restarts(Pid, Left, Micros) ->
    From = erlang:monotonic_time(nanosecond),
    gen_server:cast(Pid, crash),
    receive {up, Next} -> restarts(Next, Left - 1, [(erlang:monotonic_time(nanosecond) - From) / 1000 | Micros]) end.

%% Milliseconds until all run again that crashed at once.
storm() ->
    {ok, Sup} = supervisor:start_link(?MODULE, sup),
    Pids = [begin {ok, Pid} = supervisor:start_child(Sup, [self()]), Pid end || _ <- lists:seq(1, ?CHILDREN)],
    [receive {up, Pid} -> ok end || Pid <- Pids],
    From = erlang:monotonic_time(microsecond),
    [gen_server:cast(Pid, crash) || Pid <- Pids],
    [receive {up, _} -> ok end || _ <- Pids],
    Millis = (erlang:monotonic_time(microsecond) - From) / 1000,
    stop(Sup),
    Millis.

%% Bytes for each child of many.
memory() ->
    garbage_collect(),
    Before = erlang:memory(total),
    {Sup, _} = up(?MANY),
    Bytes = (erlang:memory(total) - Before) / ?MANY,
    stop(Sup),
    Bytes.

up(Count) ->
    {ok, Sup} = supervisor:start_link(?MODULE, sup),
    {Sup, children(Sup, Count)}.

children(Sup, Count) -> [begin {ok, Pid} = supervisor:start_child(Sup, [none]), Pid end || _ <- lists:seq(1, Count)].

stop(Pid) ->
    unlink(Pid),
    Ref = monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> ok end.

cpu(Work) ->
    {Before, _} = statistics(runtime),
    From = erlang:monotonic_time(microsecond),
    Work(),
    Wall = erlang:monotonic_time(microsecond) - From,
    {After, _} = statistics(runtime),
    %% The runtime is counted in whole milliseconds; one scheduler cannot have used more than the wall's time.
    min((After - Before) * 1000, Wall).

median(Values) -> lists:nth(length(Values) div 2 + 1, lists:sort(Values)).

start_link(Parent) -> gen_server:start_link(?MODULE, {child, Parent}, []).

init(sup) ->
    {ok, {#{strategy => simple_one_for_one, intensity => 1000000, period => 1},
          [#{id => child, start => {?MODULE, start_link, []}}]}};
init({child, none}) -> {ok, 0};
init({child, Parent}) -> Parent ! {up, self()}, {ok, 0}.

handle_call(sum, _, Sum) -> {reply, Sum, Sum}.

handle_cast({add, By}, Sum) -> {noreply, Sum + By};
handle_cast(crash, _) -> exit(asked_to).
